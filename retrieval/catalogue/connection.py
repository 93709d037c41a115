"""One SQLite connection with this project's habits: WAL, explicit transactions, paths as bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from retrieval.errors import LibraryError, LibraryNotFound, LibraryTooNew

SCHEMA_VERSION = 1
"""`schema.VERSION`, repeated so that opening an up-to-date catalogue need not import schema.

`schema` pulls in sqlite_utils, a tenth of a second; a test holds the two numbers together.
"""

_BUSY_TIMEOUT_S = 30.0


def text(path: str) -> bytes:
    """Return a path as the bytes it has on disk, to be bound as `CAST(? AS TEXT)`.

    File names need not be UTF-8, and sqlite3 refuses to bind the surrogate escapes that Python
    uses for the rest. SQLite itself stores and compares any bytes as text.
    """
    return path.encode("utf-8", "surrogateescape")


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


class Connection:
    """A catalogue file, opened. Readers see one moment within `reading()`."""

    def __init__(self, path: str, *, create: bool = False, any_thread: bool = False) -> None:
        self._path = path
        mode = "rwc" if create else "rw"
        try:
            self.raw = sqlite3.connect(
                f"file:{_uri_path(path)}?mode={mode}",
                uri=True,
                isolation_level=None,
                timeout=_BUSY_TIMEOUT_S,
                check_same_thread=not any_thread,
            )
            self.raw.text_factory = _decode
            self._prepare(path, create=create)
        except sqlite3.OperationalError as error:
            raise LibraryNotFound(
                f"the catalogue {path} cannot be opened: {error}",
                "check that the folder exists and can be written",
            ) from error
        except sqlite3.DatabaseError as error:
            raise LibraryError(
                f"{path} is not a catalogue, or is damaged: {error}",
                "restore it from a backup, or move the folder away and index again",
            ) from error

    def _prepare(self, path: str, *, create: bool) -> None:
        version = self.raw.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise LibraryTooNew(
                f"{path} was written by a newer Pixtrieve (schema {version}, this one knows "
                f"{SCHEMA_VERSION})",
                "upgrade with: pip install --upgrade pixtrieve",
            )
        self.raw.execute("PRAGMA foreign_keys = ON")
        if create:
            self.raw.execute("PRAGMA journal_mode = WAL")
        # In WAL mode NORMAL cannot corrupt; a power cut may lose the last batches, never more.
        self.raw.execute("PRAGMA synchronous = NORMAL")
        if version < SCHEMA_VERSION:
            from retrieval import schema

            schema.migrate(self.raw)

    def rows(self, sql: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        """Run one statement; the cursor iterates its rows."""
        with self._explained():
            return self.raw.execute(sql, tuple(values))

    def many(self, sql: str, values: Iterable[tuple[Any, ...]]) -> None:
        """Run one statement for each tuple."""
        with self._explained():
            self.raw.executemany(sql, values)

    def one(self, sql: str, values: Iterable[Any] = ()) -> Any:
        """Return the first column of the first row, or None when there is no row."""
        row = self.rows(sql, values).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all of it is committed, or nothing."""
        self.rows("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self.raw.in_transaction:  # a full disk has ended it already
                self.raw.execute("ROLLBACK")
            raise
        self.rows("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One moment in time for several reads; may be nested."""
        if self.raw.in_transaction:
            yield
            return
        self.raw.execute("BEGIN")
        try:
            yield
        finally:
            self.raw.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self.raw.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what happened, to which file, when SQLite cannot go on: a full disk, damage."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise  # a mistake of this program
        except sqlite3.DatabaseError as error:
            raise LibraryError(
                f"the catalogue {self._path} cannot be used: {error}",
                "what was committed is safe; make room on the disk, or restore a backup, and go on",
            ) from error


def _uri_path(path: str) -> str:
    from urllib.parse import quote_from_bytes

    return quote_from_bytes(text(path))
