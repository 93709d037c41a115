"""Remembers the pictures of the last table of hits, so that commands can name them by their rank.

The file is in the user's cache folder, because the library's folder may be read-only. It is a
convenience: if it cannot be written, nothing else fails.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from retrieval.encoders.models.cache import user_cache
from retrieval.errors import QueryError
from retrieval.search.results import Hit


@dataclass(frozen=True, slots=True)
class Listed:
    """A picture of the last answer: its id in the library, and its file."""

    id: int
    path: str


def remember(library_path: str, hits: Sequence[Hit]) -> None:
    """Keep the pictures of an answer, by rank, in place of those of the search before."""
    rows = {hit.rank: (hit.id, hit.path) for hit in hits}
    path = _file()
    with suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # Not flushed to the disk, which takes longer than a search: half a file counts as none.
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"library": os.path.realpath(library_path), "hits": rows}, file)


def recall(library_path: str, rank: int) -> Listed:
    """Return the picture that the last search listed at a rank.

    Raises QueryError if the last search listed no such rank, or was one of another library.
    """
    rows = _last(library_path, rank)
    if rank not in rows:
        raise QueryError(
            f"the last search has no picture {rank}",
            f"it has the numbers {_ranges(sorted(rows))}; ids are written like id:17",
        )
    return rows[rank]


def recall_range(library_path: str, first: int, last: int) -> list[int]:
    """Return the ids of the pictures from one rank to another; QueryError if one is missing."""
    rows = _last(library_path, first)
    for end in (first, last):
        recall(library_path, end)  # raises for a range that goes beyond the list
    return [rows[rank].id for rank in sorted(rows) if first <= rank <= last]


def _last(library_path: str, rank: int) -> dict[int, Listed]:
    library, rows = _read()
    if library and library != os.path.realpath(library_path):
        raise QueryError(
            f"the last search was in another library, {library}",
            "name it with --library, or search again",
        )
    if not rows:
        raise QueryError(
            f"there is no last search to take picture {rank} from",
            "search first, or name a file, or an id like id:17",
        )
    return rows


def _read() -> tuple[str, dict[int, Listed]]:
    """Return the library of the last search, and its pictures by rank; empty if unknown."""
    with suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
        with open(_file(), encoding="utf-8") as file:
            record = json.load(file)
        found = {int(rank): Listed(*row) for rank, row in record["hits"].items()}
        if all(isinstance(o.id, int) and isinstance(o.path, str) for o in found.values()):
            return str(record["library"]), found
    return "", {}


def _ranges(ranks: Sequence[int]) -> str:
    """Return "1 to 10", or the numbers one by one if some are missing between."""
    if len(ranks) == ranks[-1] - ranks[0] + 1 and len(ranks) > 2:
        return f"{ranks[0]} to {ranks[-1]}"
    return ", ".join(map(str, ranks[:20])) + (" …" if len(ranks) > 20 else "")


def _file() -> str:
    return os.path.join(user_cache(), "pixtrieve", "last-search.json")
