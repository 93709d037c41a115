"""What errors of SQLite mean, and what to do about them."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

from retrieval.errors import FREE_SPACE, LibraryError, QueryError

MEND = "to see what is damaged: pixtrieve doctor; to mend it: pixtrieve doctor --repair"
"""The hint of every error about a damaged catalogue."""


class explained:  # noqa: N801 - used as a context, thousands of times a second
    """Convert errors of SQLite (full disk, damage, lock) to a LibraryError with path and hint.

    A text that is no Unicode becomes a QueryError.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, UnicodeEncodeError):
            raise QueryError(
                f"“{error.object[:40]!a}” is not a text that can be stored: it has half of a "
                "character (a lone surrogate)",
                "write the text anew",
            ) from error
        mistakes = (sqlite3.ProgrammingError, sqlite3.InterfaceError)
        # SQLite quotes names in its messages: damaged ones are no UTF-8.
        damage = (sqlite3.DatabaseError, UnicodeDecodeError)
        if not isinstance(error, damage) or isinstance(error, mistakes):
            return
        hint = f"committed data is safe; if the error persists, {MEND}"
        if hint_about_disk(error):
            hint = f"committed data is safe; {hint_about_disk(error)}"
        elif "locked" in str(error) or "busy" in str(error):
            hint = "another program is using the file; try again"
        elif "readonly" in str(error):
            hint = "check the permissions of the library's folder"
        raise LibraryError(f"the catalogue {self._path} cannot be used: {error}", hint) from error


def cannot_open(path: str, error: sqlite3.OperationalError) -> LibraryError:
    """Return the error for a catalogue that cannot be opened."""
    if os.path.exists(path) and not os.access(path, os.R_OK):
        return LibraryError(
            f"there is no permission to read the catalogue {path}",
            "change the permissions of the file, or run this as the user who owns it",
        )
    hint = hint_about_disk(error) or "check that the folder exists and is writable"
    return LibraryError(f"the catalogue {path} cannot be opened: {error}", hint)


def cannot_write(path: str, error: sqlite3.OperationalError) -> LibraryError:
    """Return the error for writing to a catalogue that could be opened for reading only."""
    hint = hint_about_disk(error) or "check that the folder is writable"
    return LibraryError(f"the catalogue {path} can only be read now: {error}", hint)


def hint_about_disk(error: Exception) -> str:
    """Return what to do if the disk is full or fails, "" for other errors."""
    # Python's own errors have no code. SQLite's extended codes have the kind in the last byte.
    kind = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if kind == sqlite3.SQLITE_FULL:
        return FREE_SPACE
    if kind == sqlite3.SQLITE_IOERR:  # also for a quota, and for too little space to lock
        return f"{FREE_SPACE}; if there is enough, the disk may be failing"
    return ""
