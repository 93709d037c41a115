"""The SQLite connection: WAL mode, explicit transactions, paths as bytes, clear errors."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from retrieval.catalogue import schema
from retrieval.catalogue.database_file import READ_ONLY, has_content, mode_of, open_raw
from retrieval.catalogue.explaining import (
    MEND,
    cannot_open,
    cannot_write,
    explained,
    hint_about_disk,
)
from retrieval.catalogue.migrating import migrate_file, too_new
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.typed import fits, shown
from retrieval.errors import LibraryError

FIRST_BELOW, PAST_BELOW = b"/", b"0"
"""Every path that begins with "folder/" sorts between "folder/" and "folder0"."""

CHECKED_ROWS = 20_000
"""Up to this many rows, a question looks at a whole table to see that nothing is damaged, and each
indexing run at all tables; of more, a run does once a day."""

Record = TypeVar("Record")


def text(path: str) -> bytes:
    """Return the bytes of a path as they are on disk, for a parameter `CAST(? AS TEXT)`.

    File names need not be UTF-8. Python represents other bytes as surrogate escapes, which sqlite3
    refuses to bind. SQLite itself stores and compares any bytes as text. A path with other
    surrogates is on no disk, and its bytes equal no other path's.
    """
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogatepass")


GREATEST_NUMBER = 2**63 - 1
"""SQLite has no greater number, and raises OverflowError for one."""


class Connection:
    """An open catalogue file. Within `reading()`, all reads see the same state.

    Errors of SQLite become LibraryError (LibraryTooNew for a newer schema) with the path and a
    hint.
    """

    def __init__(self, path: str, *, create: bool = False, any_thread: bool = False) -> None:
        self.path = path
        self._unwritable: sqlite3.OperationalError | None = None
        self._sound: dict[str, int] = {}  # checked tables, and when: see `require_sound`
        try:
            try:
                self._open(mode_of(path, create=create), create=create, any_thread=any_thread)
            except sqlite3.OperationalError as error:
                if create or not os.path.exists(path):
                    raise
                self._open_to_read(error, any_thread=any_thread)
        except sqlite3.OperationalError as error:
            raise cannot_open(path, error) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise LibraryError(
                f"the file {path} is not a catalogue or is damaged: {error}",
                MEND,
            ) from error

    def _open(self, mode: str, *, create: bool = False, any_thread: bool = False) -> None:
        self.raw = open_raw(self.path, mode=mode, any_thread=any_thread)
        try:
            self._prepare(self.path, create=create)
        except BaseException:
            self.raw.close()
            raise

    def _open_to_read(self, error: sqlite3.OperationalError, *, any_thread: bool) -> None:
        """Open for reading although the disk is too full for SQLite's files beside the catalogue.

        Raises the `error` of opening it as usual if this cannot help.
        """
        if not hint_about_disk(error) or has_content(f"{self.path}-wal"):
            raise error
        try:
            self._open(READ_ONLY, any_thread=any_thread)
        except sqlite3.OperationalError:
            raise error from None
        self._unwritable = error

    def _prepare(self, path: str, *, create: bool) -> None:
        version = self.raw.execute("PRAGMA user_version").fetchone()[0]
        newest = len(schema.MIGRATIONS)
        if version > newest:
            raise too_new(path, self.raw, version)
        self.raw.execute("PRAGMA foreign_keys = ON")
        if create:
            self.raw.execute("PRAGMA journal_mode = WAL")
        if version < newest:
            migrate_file(path, self.raw, version)
        # In WAL mode, NORMAL cannot corrupt the file; a power cut may lose only the last batches.
        self.raw.execute("PRAGMA synchronous = NORMAL")

    def rows(self, sql: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        """Run one statement; return a cursor over its rows."""
        with explained(self.path):
            cursor = self.raw.cursor(_Cursor)
            cursor.path = self.path
            return cursor.execute(sql, tuple(values))

    def many(self, sql: str, values: Iterable[tuple[Any, ...]]) -> None:
        """Run one statement for each tuple."""
        with explained(self.path):
            self.raw.executemany(sql, values)

    def records(self, kind: type[Record], sql: str, values: Iterable[Any] = ()) -> Iterator[Record]:
        """Yield a dataclass for each row; LibraryError if a value has another type than its field.

        SQLite keeps any value in any column, so a damaged file may hold anything anywhere.
        """
        for row in self.rows(sql, values):
            yield self.record(kind, row)

    def intact_records(
        self, kind: type[Record], what: str, sql: str, values: Iterable[Any] = ()
    ) -> Iterator[Record]:
        """Yield the same for `intact` rows."""
        for row in self.intact(what, sql, values):
            yield self.record(kind, row)

    def record(self, kind: type[Record], row: Sequence[Any]) -> Record:
        """Return a row of a query as a dataclass: see `records`."""
        wrong = fits(kind, row)
        if wrong:
            raise self.damaged(wrong)
        return kind(*row)

    def damaged(self, what: str) -> LibraryError:
        """Return the error for a value that this program never writes."""
        return LibraryError(f"the catalogue {self.path} is damaged: {what}", MEND)

    def intact(self, what: str, sql: str, values: Iterable[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query without their last column, which says if they are `sound`.

        LibraryError for the first one that is not: "WHAT was changed by a fault: ITS VALUES".
        """
        for *row, good in self.rows(sql, values):
            if not good:
                raise self.altered(what, row)
            yield tuple(row)

    def require_sound(self, *tables: str) -> None:
        """Raise LibraryError if a row of tables that a question reads as a whole is damaged.

        Once for each change of the file. A table of more than `CHECKED_ROWS` rows is not looked at,
        because it would take seconds: indexing runs and `pixtrieve doctor` do that.
        """
        version = self.number("PRAGMA data_version")
        for table in tables:
            if self._sound.get(table) == version:
                continue
            few = self.one(f"SELECT 1 FROM {table} LIMIT 1 OFFSET {CHECKED_ROWS}") is None
            wrong = f"SELECT 1 FROM {table} WHERE NOT {sound(table)} LIMIT 1"
            if few and self.one(wrong) is not None:
                raise self.altered(f"a row of the table {table}, on which the answer depends,")
            self._sound[table] = version

    def altered(self, what: str, row: Sequence[Any] = ()) -> LibraryError:
        """Return the error for a row that differs from its checksum, with what it holds now."""
        now = ", ".join(shown(value) for value in row)
        return self.damaged(
            f"{what} was changed by a fault of the disk" + (f"; it reads {now}" if now else "")
        )

    def a_path(self, value: Any) -> str:
        """Return a value that must be a path; LibraryError if it cannot be one."""
        if "\0" in self.a_text(value):
            raise self.damaged(f"{value!r} stands where a path should be")
        return str(value)

    def a_text(self, value: Any) -> str:
        """Return a value that must be a text; LibraryError if it is none."""
        if not isinstance(value, str):
            raise self.damaged(f"{value!r} stands where a text should be")
        return value

    def number(self, sql: str, values: Iterable[Any] = ()) -> int:
        """Return the whole number that a query gives; LibraryError if there is none."""
        found = self.one(sql, values)
        if not isinstance(found, int):
            raise self.damaged(f"{found!r} stands where a number should be")
        return found

    def one(self, sql: str, values: Iterable[Any] = ()) -> Any:
        """Return the first column of the first row, or None when there is no row."""
        row = self.rows(sql, values).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Run the block in one transaction; an exception rolls it back."""
        if self._unwritable is not None:
            raise cannot_write(self.path, self._unwritable)
        self.rows("BEGIN IMMEDIATE")
        try:
            yield
            self.rows("COMMIT")
        except BaseException:
            if self.raw.in_transaction:  # a full disk already ends it
                self.raw.execute("ROLLBACK")
            raise

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Run the block in one transaction, and roll it back."""
        if self._unwritable is not None:
            raise cannot_write(self.path, self._unwritable)
        self.rows("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            self.raw.rollback()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Give all reads in the block the same state; may be nested."""
        if self.raw.in_transaction:
            yield
            return
        self.rows("BEGIN")
        try:
            yield
        finally:
            self.raw.rollback()  # there is nothing to commit, and a rollback cannot fail

    def checkpoint(self) -> None:
        """Write everything into the catalogue's own file, and empty the one beside it (WAL)."""
        if self.rows("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise LibraryError(
                f"the catalogue {self.path} is in use by another program",
                "run the command again when that program is done",
            )

    def close(self) -> None:
        """Close the file."""
        self.raw.close()


class _Cursor(sqlite3.Cursor):
    """A cursor that explains errors of fetching like errors of the statement."""

    path = ""

    def __next__(self) -> Any:
        with explained(self.path):
            return super().__next__()

    def fetchone(self) -> Any:
        with explained(self.path):
            return super().fetchone()

    def fetchall(self) -> list[Any]:
        with explained(self.path):
            return super().fetchall()


def within(path: str) -> tuple[str, tuple[bytes, ...]]:
    """Return the SQL condition, and its values, for `f.path` at or below a relative path."""
    if not path:
        return "1", ()
    raw = text(path)
    # The outer range is what the index can use; it also holds "folder.jpg", which the rest
    # leaves out.
    condition = (
        "(f.path >= CAST(? AS TEXT) AND f.path < CAST(? AS TEXT)"
        " AND (f.path = CAST(? AS TEXT) OR f.path > CAST(? AS TEXT)))"
    )
    return condition, (raw, raw + PAST_BELOW, raw, raw + FIRST_BELOW)
