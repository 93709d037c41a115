"""Mends the rows of a catalogue that is readable: what `pixtrieve doctor --repair` does.

What can be read from the pictures again is removed, so that the next indexing run reads it. The
caller keeps a copy of the file before, because some rows exist nowhere else.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace

from retrieval.catalogue import row_checks
from retrieval.catalogue.database_file import uri_path
from retrieval.catalogue.healing import UNKNOWN, find, heal, irreplaceable, restore_sources
from retrieval.catalogue.inspection import CHECKED, PEOPLES, altered, condition
from retrieval.catalogue.row_checks import COVERED, seal, sound
from retrieval.errors import LibraryError
from retrieval.query.tokens import indexed
from retrieval.specs import ModelSpec


def mend_rows(path: str, model_id: int | None) -> None:
    """Mend rows and settings in one transaction; `model_id`, if given, becomes the model in use.

    The caller holds the writer's lock. Raises sqlite3.DatabaseError for a malformed file.
    """
    address = f"file:{uri_path(path)}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, isolation_level=None, timeout=30)) as db:
        db.text_factory = bytes
        row_checks.register(db)
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("BEGIN IMMEDIATE")
        try:
            _mend_settings(db, model_id)  # first, because triggers count the generation
            _mend_images(db)
            for table in CHECKED:
                if table not in ("images", "models"):
                    db.execute(f"DELETE FROM {table} WHERE ({condition(db, table)}) IS NOT 1")
            _mend_altered(db)
            _drop_dangling(db)
            _mend_words(db)
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")


def set_model(path: str, model_id: int, spec: ModelSpec) -> None:
    """Record what a model says of itself in place of what the catalogue said.

    LibraryError if the vectors were made with another model than that.
    """
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as db:
        row_checks.register(db)
        known = db.execute("SELECT fingerprint FROM models WHERE id = ?", (model_id,)).fetchone()
        db.execute("BEGIN IMMEDIATE")
        db.execute(
            "UPDATE models SET fingerprint = ?, dim = ?, licence = ?, preprocessing = ?"
            " WHERE id = ?",
            (
                *(spec.fingerprint, spec.dim, spec.licence),
                *(json.dumps(asdict(spec.preprocessing)), model_id),
            ),
        )
        sql = f"SELECT {sound('models')} FROM models WHERE id = ?"
        if known != (spec.fingerprint,) and not db.execute(sql, (model_id,)).fetchone()[0]:
            db.execute("ROLLBACK")
            raise LibraryError(
                f"{spec.name} is not the model that made the vectors, or another version of it",
                f"restore a backup, or encode the pictures again: pixtrieve model use {spec.name}",
            )
        db.execute(f"{seal('models')} WHERE id = ?", (model_id,))
        db.execute("COMMIT")


def model_in_use(path: str) -> tuple[int, str] | None:
    """Return the id and the name of the model in use, or of the only likely one, if any.

    The likely one has the most vectors. Its other columns may be damaged.
    """
    with closing(sqlite3.connect(path, timeout=30)) as db:
        row_checks.register(db)
        row = db.execute(
            "SELECT m.id, m.name FROM models m WHERE typeof(m.name) = 'text' ORDER BY"
            f" m.id IS (SELECT value FROM state WHERE key = 'model_id' AND {sound('state')}) DESC,"
            " (SELECT count(*) FROM vectors v WHERE v.model_id = m.id) DESC LIMIT 1"
        ).fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def _mend_images(db: sqlite3.Connection) -> None:
    """Have the files of images with damaged rows read again: see `healing`."""
    wrong = f"({condition(db, 'images')}) IS NOT 1"
    ids = [row[0] for row in db.execute(f"SELECT id FROM images WHERE {wrong}").fetchall()]
    bare = f"({condition(db, 'sketches')}) IS NOT 1"
    ids += [row[0] for row in db.execute(f"SELECT image_id FROM sketches WHERE {bare}").fetchall()]
    restore_sources(db)
    damage = find(db)
    heal(db, replace(damage, images=tuple(dict.fromkeys((*damage.images, *ids)))))
    for image_id in db.execute(f"SELECT id FROM images WHERE {wrong}").fetchall():
        # Its files are not there. Its vector stays, and what is possible of its facts.
        db.execute(f"UPDATE images SET {UNKNOWN} WHERE id = ?", image_id)
        db.execute(f"{seal('images')} WHERE id = ?", image_id)
    # Nobody knows the contents of these: their files are read as new ones.
    nameless = "SELECT id FROM images WHERE typeof(sha256) != 'blob' OR length(sha256) != 32"
    db.execute(f"DELETE FROM files WHERE image_id IN ({nameless})")
    db.execute(f"DELETE FROM images WHERE id IN ({nameless})")


def _mend_altered(db: sqlite3.Connection) -> None:
    """Delete damaged rows that are made again, and keep those of people as they read now.

    A picture whose files are not there stays damaged, with the texts that are read from it: its
    drive may come back.
    """
    for table in COVERED.keys() - {"images", "texts", "models", "state"}:
        db.execute(f"DELETE FROM {table} WHERE {altered(db, table, peoples=False)}")
    for table in (*PEOPLES, "models", "state"):
        which = f" AND ({irreplaceable(db)})" if table == "texts" else ""
        db.execute(f"{seal(table)} WHERE NOT {sound(table)}{which}")


def _drop_dangling(db: sqlite3.Connection) -> None:
    """Delete rows that refer to nothing; their files are indexed again."""
    while True:
        rows = db.execute("PRAGMA foreign_key_check").fetchall()
        if not rows:
            return
        for table, rowid, parent, number in rows:
            name, above = table.decode(), parent.decode()
            if rowid is not None:
                db.execute(f"DELETE FROM {name} WHERE rowid = ?", (rowid,))
                continue
            keys = db.execute(f"PRAGMA foreign_key_list({name})").fetchall()
            column = next(key[3].decode() for key in keys if key[0] == number)
            db.execute(f"DELETE FROM {name} WHERE {column} NOT IN (SELECT id FROM {above})")


def _mend_settings(db: sqlite3.Connection, model_id: int | None) -> None:
    """Give the catalogue a new generation, with a stamp that no cache has."""
    known = [
        row[0]
        for row in db.execute(
            "SELECT value FROM state WHERE key = 'generation' UNION SELECT generation FROM stamps"
            " UNION SELECT generation FROM removed"
        ).fetchall()
    ]
    newest = max((each for each in known if isinstance(each, int) and 0 <= each < 2**62), default=0)
    db.execute("DELETE FROM removed")
    db.execute("DELETE FROM stamps")
    db.execute("DELETE FROM state WHERE key = 'generation'")
    db.execute("INSERT INTO state (key, value) VALUES ('generation', ?)", (newest + 1,))
    db.execute("INSERT INTO stamps VALUES (?, lower(hex(randomblob(8))))", (newest + 1,))
    if model_id is not None:
        db.execute("INSERT OR REPLACE INTO state (key, value) VALUES ('model_id', ?)", (model_id,))


def _mend_words(db: sqlite3.Connection) -> None:
    """Make the full-text index anew from the texts."""
    db.execute("DELETE FROM words")
    rows = db.execute("SELECT image_id, text FROM texts ORDER BY image_id, source").fetchall()
    texts: dict[int, list[str]] = {}
    for image_id, text in rows:
        texts.setdefault(image_id, []).append(text.decode("utf-8", "surrogateescape"))
    db.executemany(
        "INSERT INTO words (rowid, text) VALUES (?, ?)",
        ((image_id, indexed("\n".join(own))) for image_id, own in texts.items()),
    )
