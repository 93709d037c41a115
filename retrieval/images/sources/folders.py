"""Folders of pictures, also with a table of captions in them as Hugging Face's imagefolder has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from retrieval.errors import SourceError
from retrieval.images import FoundFile, FoundSidecar, OtherFile, Unreadable, is_json
from retrieval.images.discovery import walk
from retrieval.images.exported_names import other_names
from retrieval.images.sniffing import is_picture
from retrieval.images.sources import (
    Beside,
    Columns,
    Flaw,
    Item,
    Load,
    Loaded,
    Piece,
    pieces_of,
)
from retrieval.images.sources.parquets import table_rows
from retrieval.images.sources.rows import described
from retrieval.images.sources.tables import rows_of

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")

_Told = dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]]


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder with everything below it: what `pixtrieve index` would find there."""

    name: str
    choice: Columns = field(default_factory=Columns)

    def identity(self) -> str:
        """Return "": the listed items tell."""
        return ""

    def pieces(self, size: int) -> Iterator[Piece]:
        """Walk the folder, in the order in which an indexing run reads it."""
        return pieces_of(self, self._items(), size, by_names=True)

    def read(self, piece: Piece) -> Iterator[tuple[Item, Load] | Flaw]:
        """Yield the pictures; they are read from their own files."""
        for item in piece.items:
            yield item, partial(_load, self.name, item)

    def _items(self) -> Iterator[Item | Flaw]:
        files: list[FoundFile] = []
        sidecars: dict[str, list[FoundSidecar]] = {}
        tables: list[str] = []
        for entry in walk(self.name):
            if isinstance(entry, FoundFile):
                files.append(entry)
            elif isinstance(entry, OtherFile):
                if os.path.basename(entry.path).lower() in METADATA:
                    tables.append(entry.path)
                elif _sniffed(os.path.join(self.name, entry.path)):
                    files.append(FoundFile(entry.path, entry.size, entry.mtime_ns))
            elif isinstance(entry, FoundSidecar):
                sidecars.setdefault(entry.beside, []).append(entry)
            elif isinstance(entry, Unreadable) and not entry.link:
                yield Flaw(self.name, entry.path, entry.reason)
        told: _Told = {}
        for table in tables:
            yield from self._add_told(table, told)
        for file in sorted(files, key=lambda each: os.fsencode(each.path)):
            yield self._item(file, sidecars, told)

    def _item(self, file: FoundFile, sidecars: dict[str, list[FoundSidecar]], told: _Told) -> Item:
        stem = os.path.splitext(file.path)[0]
        own = [
            Beside(each.path, each.size, each.mtime_ns)
            for owner in (stem, file.path, *other_names(file.path))
            for each in sidecars.get(owner, ())
            if owner == file.path or is_json(each.path) == (owner != stem)
        ]
        captions, columns = told.get(file.path, ((), ()))
        return Item(
            self.name,
            file.path,
            file.size,
            file.mtime_ns,
            sidecars=tuple(own),
            captions=captions,
            columns=columns,
            unsupported=file.unsupported,
        )

    def _add_told(self, table: str, told: _Told) -> Iterator[Flaw]:
        """Add what a table in the folder tells; a flaw if it cannot be read."""
        try:
            told |= self._told(os.path.join(self.name, table), os.path.dirname(table))
        except SourceError as error:
            yield Flaw(self.name, table, f"{error.message}; its pictures are without columns")

    def _told(self, path: str, within: str) -> _Told:
        """Return captions and columns of a table by the path of their picture."""
        told: _Told = {}
        by_name = Columns(url=self.choice.url or "file_name", captions=self.choice.captions)
        named = False
        for target, row in _table(path, by_name):
            named = named or bool(target.strip())
            file = os.path.normpath(os.path.join(within, target.strip())).replace(os.sep, "/")
            told[file] = described(row, by_name)
        if not named:
            raise SourceError(
                f"{path} names no picture in a column {by_name.url}", "check the table"
            )
        return told


def _table(path: str, choice: Columns) -> Iterator[tuple[str, dict[str, Any]]]:
    if path.lower().endswith(".parquet"):
        yield from table_rows(path, choice.url)
    else:
        for _, target, row in rows_of(path, choice):
            yield target, row


def _load(folder: str, item: Item) -> Loaded:
    return Loaded(
        os.path.join(folder, item.path),
        tuple(os.path.join(folder, each.path) for each in item.sidecars),
        captions=item.captions,
        columns=item.columns,
    )


def _sniffed(path: str) -> bool:
    try:
        return is_picture(path)
    except OSError:
        return False
