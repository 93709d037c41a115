"""Lists of addresses or paths: one a line, or a table, or JSON lines, with captions and columns."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from retrieval.errors import SourceError
from retrieval.images.sources import Columns, Flaw, Item, Load, Piece, pieces_of
from retrieval.images.sources.rows import (
    ADDRESSES,
    PATHS,
    described,
    find_column,
    is_public_only,
    item_at,
    why_refused,
)
from retrieval.images.sources.storage import explained, load_named, open_stream, stat_of
from retrieval.query.spelling import is_address

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".txt")


@dataclass(frozen=True, slots=True)
class ListSource:
    """A list of addresses or paths, with a picture in each line."""

    name: str
    choice: Columns = field(default_factory=Columns)

    def identity(self) -> str:
        """Return "": the listed items tell."""
        return ""

    def pieces(self, size: int) -> Iterator[Piece]:
        """Read the list; raises SourceError."""
        return pieces_of(self, self._items(), size, by_names=True)

    def read(self, piece: Piece) -> Iterator[tuple[Item, Load] | Flaw]:
        """Yield the pictures; each is read when it is asked for, in any thread."""
        for item in piece.items:
            yield item, partial(load_named, item, is_public_only(item, self._folder(), self.choice))

    def _items(self) -> Iterator[Item | Flaw]:
        folder = self._folder()
        mtime = stat_of(self.name).mtime_ns
        for number, target, row in rows_of(self.name, self.choice):
            item = item_at(target, folder, mtime)
            reason = why_refused(target, folder, self.choice)
            if item is None or reason:
                reason = reason or "neither an address nor a path"
                yield Flaw(self.name, f"line {number}", reason)
                continue
            captions, columns = described(row, self.choice)
            yield Item(item.root, item.path, -1, mtime, captions=captions, columns=columns)

    def _folder(self) -> str:
        """Return the folder, or the address, that paths in the list are relative to."""
        if is_address(self.name):
            return self.name.rpartition("/")[0]
        return os.path.dirname(os.path.abspath(self.name))


def rows_of(name: str, choice: Columns) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield number, address or path, and the other columns of each line; raises SourceError."""
    with open_stream(name) as stream, explained(name):
        lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        lower = name.lower()
        if lower.endswith(".txt"):
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, line, {}
        elif lower.endswith((".csv", ".tsv")):
            table = csv.DictReader(lines, delimiter="\t" if lower.endswith(".tsv") else ",")
            column = _column(name, list(table.fieldnames or ()), choice)
            for row in table:
                target = row.pop(column) or ""
                yield table.line_num, target, {k: v for k, v in row.items() if k is not None}
        else:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    row = _object(line)
                    column = find_column(row, choice.url, (*ADDRESSES, *PATHS))
                    target = row.pop(column, "")
                    yield number, target if isinstance(target, str) else "", row


def _column(name: str, names: list[str], choice: Columns) -> str:
    column = find_column(names, choice.url, (*ADDRESSES, *PATHS))
    if not column:
        raise SourceError(
            f"{name} has no column with addresses or paths",
            f"name it with --url-column; its columns: {', '.join(names)}",
        )
    return column


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}
