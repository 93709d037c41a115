"""Names of people, keywords and stars as metadata has them: cleaned, each once, not too many."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from retrieval.images.exif_values import clean, number
from retrieval.query.fields import distinct

MOST_PEOPLE, MOST_KEYWORDS = 200, 500
"""The most names that a picture keeps of one source."""

_MOST_LEVELS = 12
_PERCENT = (0, 13, 38, 63, 88)
"""The least percentages of one to five stars; programs write 1, 25, 50, 75 and 99."""


def people_of(names: Iterable[Any]) -> tuple[str, ...]:
    """Return the names of people as single lines, each once."""
    return distinct(islice(filter(None, map(clean, names)), MOST_PEOPLE))


def keywords_of(written: Iterable[Any]) -> tuple[str, ...]:
    """Return keywords, each once, those with levels as "Places|Portugal".

    A keyword that is only a level of another one, or the beginning of it, is left out.
    """
    paths = distinct(islice(filter(None, map(_path, written)), MOST_KEYWORDS))
    parts = [path.casefold().split("|") for path in paths]
    longer = [each for each in parts if len(each) > 1]
    within = {level for each in longer for level in each}
    within |= {"|".join(each[:depth]) for each in longer for depth in range(1, len(each))}
    return tuple(path for path in paths if path.casefold() not in within)


def _path(written: Any) -> str:
    if not isinstance(written, str):
        return ""
    return "|".join(filter(None, map(clean, written.split("|")[:_MOST_LEVELS])))


def stars(written: Any) -> int | None:
    """Return 1 to 5, or -1 for a rejected picture; None for no rating (0) or anything else."""
    value = number(written, -1, 5)
    return (round(value) or None) if value is not None else None


def percent(written: Any) -> int | None:
    """Return the stars of a percentage; None for 0 or anything else."""
    value = number(written, 0, 100)
    return sum(value >= least for least in _PERCENT) if value else None
