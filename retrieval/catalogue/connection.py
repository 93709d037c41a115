"""The SQLite connection: WAL mode, explicit transactions, paths as bytes, clear errors."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeVar

from retrieval.catalogue import schema
from retrieval.catalogue.explaining import (
    MEND,
    cannot_open,
    cannot_write,
    explained,
    hint_about_disk,
)
from retrieval.catalogue.typed import fits
from retrieval.errors import LibraryError, LibraryTooNew

FIRST_BELOW, PAST_BELOW = b"/", b"0"
"""Every path that begins with "folder/" sorts between "folder/" and "folder0"."""

_BUSY_TIMEOUT_S = 30.0

_READ_ONLY = "mode=ro&immutable=1"
"""Read the file alone: without locks, and without SQLite's files beside it."""
Record = TypeVar("Record")


def text(path: str) -> bytes:
    """Return the bytes of a path as they are on disk, for a parameter `CAST(? AS TEXT)`.

    File names need not be UTF-8. Python represents other bytes as surrogate escapes, which sqlite3
    refuses to bind. SQLite itself stores and compares any bytes as text.
    """
    return path.encode("utf-8", "surrogateescape")


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


class Connection:
    """An open catalogue file. Within `reading()`, all reads see the same state.

    Errors of SQLite become LibraryError (LibraryTooNew for a newer schema) with the path and a
    hint.
    """

    def __init__(self, path: str, *, create: bool = False, any_thread: bool = False) -> None:
        self._path = path
        self._unwritable: sqlite3.OperationalError | None = None
        try:
            try:
                self._open(_mode(path, create=create), create=create, any_thread=any_thread)
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
        self.raw = open_raw(self._path, mode=mode, any_thread=any_thread)
        try:
            self._prepare(self._path, create=create)
        except BaseException:
            self.raw.close()
            raise

    def _open_to_read(self, error: sqlite3.OperationalError, *, any_thread: bool) -> None:
        """Open for reading although the disk is too full for SQLite's files beside the catalogue.

        Raises the `error` of opening it as usual if this cannot help.
        """
        if not hint_about_disk(error) or has_content(f"{self._path}-wal"):
            raise error
        try:
            self._open(_READ_ONLY, any_thread=any_thread)
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
            _migrate(path, self.raw, version)
        # In WAL mode, NORMAL cannot corrupt the file; a power cut may lose only the last batches.
        self.raw.execute("PRAGMA synchronous = NORMAL")

    def rows(self, sql: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        """Run one statement; return a cursor over its rows."""
        with explained(self._path):
            cursor = self.raw.cursor(_Cursor)
            cursor.path = self._path
            return cursor.execute(sql, tuple(values))

    def many(self, sql: str, values: Iterable[tuple[Any, ...]]) -> None:
        """Run one statement for each tuple."""
        with explained(self._path):
            self.raw.executemany(sql, values)

    def records(self, kind: type[Record], sql: str, values: Iterable[Any] = ()) -> Iterator[Record]:
        """Yield a dataclass for each row; LibraryError if a value has another type than its field.

        SQLite keeps any value in any column, so a damaged file may hold anything anywhere.
        """
        for row in self.rows(sql, values):
            yield self.record(kind, row)

    def record(self, kind: type[Record], row: Sequence[Any]) -> Record:
        """Return a row of a query as a dataclass: see `records`."""
        wrong = fits(kind, row)
        if wrong:
            raise self.damaged(wrong)
        return kind(*row)

    def damaged(self, what: str) -> LibraryError:
        """Return the error for a value that this program never writes."""
        return LibraryError(f"the catalogue {self._path} is damaged: {what}", MEND)

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
            raise cannot_write(self._path, self._unwritable)
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
            raise cannot_write(self._path, self._unwritable)
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
                f"the catalogue {self._path} is in use by another program",
                "run the command again when that program is done",
            )

    def close(self) -> None:
        """Close the file."""
        self.raw.close()


def open_raw(
    path: str, *, create: bool = False, any_thread: bool = False, mode: str = ""
) -> sqlite3.Connection:
    """Open a catalogue file without looking at its schema; raises the errors of SQLite."""
    raw = sqlite3.connect(
        f"file:{uri_path(path)}?{mode or _mode(path, create=create)}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_TIMEOUT_S,
        check_same_thread=not any_thread,
    )
    raw.text_factory = _decode
    return raw


def too_new(path: str, raw: sqlite3.Connection, version: int) -> LibraryTooNew:
    """Return the error for a catalogue of a newer schema, which names the version that reads it."""
    program = schema.program_of(raw)
    by = f"Pixtrieve {program}" if program else "a newer Pixtrieve"
    wanted = f"'pixtrieve>={program}'" if program else "pixtrieve"
    return LibraryTooNew(
        f"{path} was written by {by} (schema {version}); this is Pixtrieve {schema.program()}, "
        f"which reads schemas up to {len(schema.MIGRATIONS)}",
        f"upgrade with: pip install --upgrade {wanted}",
    )


def _migrate(path: str, raw: sqlite3.Connection, version: int) -> None:
    """Bring a catalogue to the newest schema; a copy of an old one stays until that is verified."""
    if not version:
        schema.migrate(raw)
        return
    copy = f"{path}.schema-{version}"

    def keep_copy() -> None:
        unfinished = f"{copy}.tmp"
        for leftover in (unfinished, *(unfinished + end for end in ("-wal", "-shm", "-journal"))):
            with suppress(FileNotFoundError):
                os.unlink(leftover)
        with closing(open_raw(path)) as old, closing(open_raw(unfinished, create=True)) as new:
            old.backup(new)
        os.replace(unfinished, copy)

    try:
        schema.migrate(raw, before=keep_copy)
        found = raw.execute("PRAGMA quick_check(1)").fetchone()[0]
    except (sqlite3.DatabaseError, OSError) as error:
        kept = f"; a copy of it is {copy}" if os.path.exists(copy) else ""
        raise LibraryError(
            f"the catalogue {path} could not be brought to the newest schema: {error}",
            "it is unchanged; check permissions and free disk space, then run the command again"
            + kept,
        ) from error
    if found != "ok":
        raise LibraryError(
            f"the catalogue {path} is damaged after its migration: {found}",
            f"its content from before is in {copy}: put that file in its place",
        )
    with suppress(FileNotFoundError):  # another program may have migrated it meanwhile
        os.unlink(copy)


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


def _mode(path: str, *, create: bool) -> str:
    """Return the URI's parameters; a read-only library without a WAL file opens as immutable."""
    if create:
        return "mode=rwc"
    may_write = os.access(path, os.W_OK) and os.access(os.path.dirname(path), os.W_OK)
    if may_write or not os.path.exists(path) or has_content(f"{path}-wal"):
        return "mode=rw"
    return _READ_ONLY


def has_content(path: str) -> bool:
    """Tell whether a file exists and is not empty: an empty WAL holds no changes."""
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False


def uri_path(path: str) -> str:
    """Return a path as it stands in an address `file:…`."""
    from urllib.parse import quote_from_bytes

    return quote_from_bytes(text(path))


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
