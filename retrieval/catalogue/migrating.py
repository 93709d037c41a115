"""Brings a catalogue file to the newest schema, with a copy beside it until that is verified."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress

from retrieval.catalogue import schema
from retrieval.catalogue.database_file import open_raw
from retrieval.errors import LibraryError, LibraryTooNew


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


def migrate_file(path: str, raw: sqlite3.Connection, version: int) -> None:
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
