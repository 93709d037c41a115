"""Copies what can be read of a malformed catalogue, row by row, into a new file.

The damaged file is only read. Derived tables (the full-text index, the history of removals) are
made anew.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from retrieval.catalogue import schema
from retrieval.catalogue.inspection import reading
from retrieval.catalogue.mending import mend_rows, model_in_use

# A damaged name in an error message of SQLite is no UTF-8.
_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
FAILURES = (OSError, sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged file and writing a new one can raise."""

_HEADER = 100
_LENIENT = "PRAGMA writable_schema = ON"
"""Makes SQLite pass over a table whose definition is damaged, instead of refusing all of them."""
_GIVE_UP = 1_000
"""After this many rows that cannot be read, the rest of a range is given up."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """How many rows of each table were copied, and the tables of which some may be missing."""

    rows: dict[str, int]
    incomplete: tuple[str, ...]


def salvage(path: str, target: str) -> Salvaged:
    """Copy the readable rows of the catalogue `path` into a new catalogue `target`.

    OSError when the target cannot be written, sqlite3.DatabaseError when nothing can be read.
    """
    _create(target)
    with closing(sqlite3.connect(target, isolation_level=None)) as new:
        new.execute("PRAGMA foreign_keys = OFF")
        new.execute("PRAGMA ignore_check_constraints = ON")
        triggers = new.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            new.execute(f"DROP TRIGGER {name}")
        new.execute("BEGIN")
        with _opened(path) as old:
            found = _copy_all(old, new)
        for _, sql in triggers:
            new.execute(sql)
        new.execute("COMMIT")
    model = model_in_use(target)
    mend_rows(target, None if model is None else model[0])
    with closing(sqlite3.connect(target, isolation_level=None)) as new:
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return found


def _create(target: str) -> None:
    for end in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(target + end)
    with closing(sqlite3.connect(target, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        schema.migrate(db)
        db.execute("DELETE FROM state")  # what it says comes from the damaged file
        db.execute("DELETE FROM stamps")


class _opened:  # noqa: N801 - a context
    """The damaged file, or a copy with a new header if SQLite does not know it as its own."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._copy = f"{path}.salvage.tmp"

    def __enter__(self) -> sqlite3.Connection:
        path = self._path
        try:
            with reading(path) as db:
                db.execute(_LENIENT)
                db.execute("SELECT count(*) FROM images").fetchone()
        except _UNREADABLE:
            path = self._with_new_header()
        self._reading = reading(path)
        db = self._reading.__enter__()
        db.execute(_LENIENT)
        return db

    def __exit__(self, *error: Any) -> None:
        self._reading.__exit__(*error)
        for end in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(self._copy + end)

    def _with_new_header(self) -> str:
        shutil.copyfile(self._path, self._copy)
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
            schema.migrate(db)
            header = bytearray(db.serialize()[:_HEADER])
        page = int.from_bytes(header[16:18], "big")
        pages = os.path.getsize(self._copy) // page
        header[28:32] = pages.to_bytes(4, "big")
        header[92:96] = header[24:28]  # so that the number of pages counts
        header[32:40] = bytes(8)  # no free pages
        with open(self._copy, "r+b") as file:
            file.write(header)
        return self._copy


def _copy_all(old: sqlite3.Connection, new: sqlite3.Connection) -> Salvaged:
    rows: dict[str, int] = {}
    incomplete = []
    for name, sql in new.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'words%' AND name NOT LIKE '%sqlite%' ORDER BY name"
    ).fetchall():
        columns = [row[1] for row in new.execute(f"PRAGMA table_info({name})")]
        places = ", ".join("CAST(? AS TEXT)" if _is_text(new, name, c) else "?" for c in columns)
        copied, whole = 0, True
        reader = _Reader(old, name, columns, has_rowid="WITHOUT ROWID" not in sql)
        for row in reader.rows():
            try:
                new.execute(f"INSERT OR IGNORE INTO {name} VALUES ({places})", row)
                copied += 1
            except sqlite3.Error:
                whole = False
        rows[name] = copied
        if not (whole and reader.complete):
            incomplete.append(name)
    return Salvaged(rows, tuple(incomplete))


def _is_text(db: sqlite3.Connection, table: str, column: str) -> bool:
    """Tell whether a column holds texts, which are read as bytes because they may be no UTF-8."""
    for row in db.execute(f"PRAGMA table_info({table})"):
        if row[1] == column:
            return str(row[2]) == "TEXT" or (table, column) == ("state", "key")
    return False


class _Reader:
    """Reads a table from both ends, and around what cannot be read."""

    def __init__(
        self, db: sqlite3.Connection, table: str, columns: list[str], *, has_rowid: bool
    ) -> None:
        self._db = db
        self._table = table
        self._columns = ", ".join(columns)
        self._has_rowid = has_rowid
        self._key = columns[0]
        self.complete = True

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield every row that can be read; some may come twice."""
        if self._has_rowid:
            yield from self._by_rowid()
            return
        yield from self._until_error("")
        if not self.complete:
            yield from self._until_error(f"ORDER BY {self._key} DESC")

    def _by_rowid(self) -> Iterator[tuple[Any, ...]]:
        last = first = None
        for rowid, *row in self._until_error("ORDER BY rowid", "rowid, "):
            last = rowid
            yield tuple(row)
        if self.complete:
            return
        for rowid, *row in self._until_error("ORDER BY rowid DESC", "rowid, "):
            if last is not None and rowid <= last:
                return
            first = rowid
            yield tuple(row)
        if first is not None:
            yield from self._between((last or 0) + 1, first - 1)
        elif last is not None:
            yield from self._between(last + 1, last + _GIVE_UP)

    def _select(self, before: str, after: str) -> sqlite3.Cursor:
        return self._db.execute(f"SELECT {before}{self._columns} FROM {self._table} {after}")

    def _until_error(self, order: str, before: str = "") -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._select(before, order)
        except _UNREADABLE:
            self.complete = False

    def _between(self, low: int, high: int) -> Iterator[tuple[Any, ...]]:
        """Yield the readable rows of a range; halves it around what cannot be read."""
        waiting, failed = [(low, high)], 0
        while waiting and failed < _GIVE_UP:
            low, high = waiting.pop()
            try:
                found = self._select("", f"WHERE rowid BETWEEN {low} AND {high}").fetchall()
            except _UNREADABLE:
                failed += low == high
                if low < high:
                    middle = (low + high) // 2
                    waiting += [(middle + 1, high), (low, middle)]
                continue
            yield from found
