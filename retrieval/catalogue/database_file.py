"""Opens the catalogue's SQLite file, whatever bytes its path has."""

from __future__ import annotations

import os
import sqlite3

from retrieval.catalogue import row_checks

_BUSY_TIMEOUT_S = 30.0

READ_ONLY = "mode=ro&immutable=1"
"""Read the file alone: without locks, and without SQLite's files beside it."""


def open_raw(
    path: str, *, create: bool = False, any_thread: bool = False, mode: str = ""
) -> sqlite3.Connection:
    """Open a catalogue file without looking at its schema; raises the errors of SQLite."""
    raw = sqlite3.connect(
        f"file:{uri_path(path)}?{mode or mode_of(path, create=create)}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_TIMEOUT_S,
        check_same_thread=not any_thread,
    )
    raw.text_factory = _decode
    row_checks.register(raw)
    return raw


def mode_of(path: str, *, create: bool) -> str:
    """Return the URI's parameters; a read-only library without a WAL file opens as immutable."""
    if create:
        return "mode=rwc"
    may_write = os.access(path, os.W_OK) and os.access(os.path.dirname(path), os.W_OK)
    if may_write or not os.path.exists(path) or has_content(f"{path}-wal"):
        return "mode=rw"
    return READ_ONLY


def has_content(path: str) -> bool:
    """Tell whether a file exists and is not empty: an empty WAL holds no changes."""
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False


def uri_path(path: str) -> str:
    """Return a path as it stands in an address `file:…`."""
    from urllib.parse import quote_from_bytes

    return quote_from_bytes(path.encode("utf-8", "surrogateescape"))


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
