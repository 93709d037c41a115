"""Copies of whole catalogues, made while others write, and checks of files that claim to be one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass

from retrieval.catalogue import schema
from retrieval.catalogue.database_file import open_raw
from retrieval.catalogue.migrating import too_new
from retrieval.errors import LibraryError

_COUNTS = {
    "pictures": "SELECT count(*) FROM images WHERE orphaned_at IS NULL",
    "files": "SELECT count(*) FROM files",
    "folders": "SELECT count(*) FROM roots",
    "vectors": "SELECT count(*) FROM vectors",
    "captions": "SELECT count(*) FROM texts WHERE source = 'caption'",
    "concepts": "SELECT count(*) FROM concepts",
    "labels": "SELECT count(*) FROM labels",
    "kept groups": "SELECT count(DISTINCT set_id) FROM kept",
    "albums": "SELECT count(*) FROM albums",
    "favourites": "SELECT count(*) FROM favourites",
    "saved searches": "SELECT count(*) FROM saved_searches",
}
_LATER = {"albums": "albums", "favourites": "favourites", "saved searches": "saved_searches"}
"""The tables of some counts that older schemas lack."""


@dataclass(frozen=True, slots=True)
class CatalogueFacts:
    """What a catalogue file holds: its schema, the program that wrote it, and counts by name."""

    schema: int
    program: str
    counts: dict[str, int]


def copy_catalogue(source: str, target: str) -> None:
    """Copy a catalogue as it is at one moment, while others may read and write it.

    An existing `target` is replaced in one transaction, so that programs which have it open go on
    with the new content. Raises LibraryError.
    """
    try:
        with closing(open_raw(source)) as old, closing(open_raw(target, create=True)) as new:
            old.backup(new)
    except sqlite3.DatabaseError as error:
        raise LibraryError(
            f"the catalogue {source} cannot be copied to {target}: {error}",
            f"check that there is free space in {os.path.dirname(target)}, and that the catalogue "
            "is not damaged",
        ) from error


def check_catalogue(path: str, called: str) -> CatalogueFacts:
    """Read a closed catalogue file completely, and return what it holds.

    Errors name the file `called`, which the user knows. Raises LibraryError for a file that is
    damaged or no catalogue, and for triggers or views that Pixtrieve did not write: SQLite would
    run them. Raises LibraryTooNew for a newer schema.
    """
    try:
        with closing(open_raw(path, mode="mode=ro&immutable=1")) as db:
            return _checked(called, db)
    except sqlite3.DatabaseError as error:
        raise _damaged(called, str(error)) from error


def _checked(path: str, db: sqlite3.Connection) -> CatalogueFacts:
    if db.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
        raise _damaged(path, "it was not written by Pixtrieve")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(schema.MIGRATIONS):
        raise too_new(path, db, version)
    if _active_parts(db) != _expected_parts(version):
        raise _damaged(path, "its triggers are not those of Pixtrieve")
    found = [row[0] for row in db.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise _damaged(path, "; ".join(found))
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    counts = {
        name: db.execute(sql).fetchone()[0] if _LATER.get(name, "files") in tables else 0
        for name, sql in _COUNTS.items()
    }
    return CatalogueFacts(version, schema.program_of(db), counts)


def _active_parts(db: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return the names and the SQL of what can run by itself: triggers and views."""
    rows = db.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')")
    return {(name, " ".join(sql.split())) for name, sql in rows}


def _expected_parts(version: int) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        schema.migrate(db, up_to=version)
        return _active_parts(db)


def _damaged(path: str, reason: str) -> LibraryError:
    return LibraryError(
        f"the catalogue in {path} is damaged: {reason}",
        "use an older backup: pixtrieve restore FILE",
    )
