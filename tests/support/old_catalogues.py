"""Catalogues of every schema that the main branch has had, as SQL in `tests/catalogue/schemas`.

`python -m support.old_catalogues` (from `tests/`) writes the file of the newest schema, after a new
migration. The files of older schemas are never written again: they are what programs left behind.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from retrieval.catalogue import schema
from retrieval.vectors import to_blobs

FOLDER = Path(__file__).parent.parent / "catalogue/schemas"

ROWS = f"""
INSERT INTO roots VALUES (1, '/photos', 1, 0), (2, '/drive', 0, 1);
INSERT INTO excludes VALUES (1, '*.gif', 'user');
INSERT INTO models VALUES (1, 'fake-1', 'fake', 4, 'MIT',
    '{{"size": [8, 8], "resize_mode": "squash", "interpolation": "bicubic",
      "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}}');
INSERT INTO state VALUES ('model_id', 1);
INSERT INTO images
    (id, sha256, format, width, height, taken, camera, lens, latitude, longitude)
    VALUES (1, x'{"01" * 32}', 'PNG', 24, 16, '2020-02-03T10:00:00', 'Canon', '', NULL, NULL),
    (2, x'{"02" * 32}', 'JPEG', 30, 40, '', '', '', 48.85, 2.35);
INSERT INTO files (id, root_id, path, size, mtime_ns, image_id)
    VALUES (1, 1, 'trips/red.png', 10, 1600000000000000000, 1),
    (2, 1, '2019-05-06 blue.jpg', 20, 1600000000000000000, 2);
INSERT INTO files (id, root_id, path, size, mtime_ns, problem, problem_kind)
    VALUES (3, 1, 'bad.png', 3, 1600000000000000000, 'damaged', 'bad');
INSERT INTO sidecars VALUES (1, 'trips/red.xmp', 'trips/red', 9, 16, 'xmp', 'old keyword');
INSERT INTO texts VALUES (1, 'caption', 'grandmother on a bicycle');
INSERT INTO words (rowid, text) VALUES (1, 'grandmother on a bicycle');
INSERT INTO labels VALUES (0, 'bicycle');
INSERT INTO tags VALUES (1, 'bicycle', 0.9, 'label', 1);
INSERT INTO concepts VALUES (1, 'warm');
INSERT INTO concept_examples VALUES (1, '#1', 1);
INSERT INTO kept VALUES (1, 1, 2);
"""
"""Something in each table that a person or an indexing run fills, for the tables of schema 1."""


_FIRST_WITH_PROGRAM = 5
"""Earlier programs did not write their version into the catalogue."""


def load(version: int, path: Path) -> None:
    """Write the catalogue of a schema to a file, as the program of its time left it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript((FOLDER / f"{version}.sql").read_text("utf-8"))
        db.execute("PRAGMA journal_mode = WAL")


def dump(version: int) -> str:
    """Return the SQL of a catalogue that was made with schema 1 and migrated up to a schema."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        schema.migrate(db, up_to=1)
        db.executescript(ROWS)
        vectors = np.array([[1, 0, 0, 0.05], [0, 0, 1, 0.05]], np.float32)
        for id_, blob in enumerate(to_blobs(vectors), 1):
            db.execute("INSERT INTO vectors VALUES (?, ?, 1, 'whole', ?)", (id_, id_, blob))
        schema.migrate(db, up_to=version)
        if version < _FIRST_WITH_PROGRAM:
            db.execute("DELETE FROM state WHERE key = 'program'")
        return "\n".join([*_statements(db), ""])


def _statements(db: sqlite3.Connection) -> Iterator[str]:
    """Yield a catalogue as SQL; triggers come last, so that they do not fire."""
    for name in ("application_id", "user_version"):
        yield f"PRAGMA {name} = {db.execute(f'PRAGMA {name}').fetchone()[0]};"
    made_by_sqlite = (
        "name LIKE 'sqlite!_%' ESCAPE '!' OR (type = 'table' AND name LIKE 'words!_%' ESCAPE '!')"
    )
    for kind in ("table", "index", "trigger"):
        parts = db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = ?"
            f" AND NOT ({made_by_sqlite}) ORDER BY rowid",
            (kind,),
        ).fetchall()
        yield from (f"{sql};" for _, sql in parts)
        if kind == "table":
            for name, _ in parts:
                yield from _rows(db, name)


def _rows(db: sqlite3.Connection, table: str) -> Iterator[str]:
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    if table == "words":
        columns.insert(0, "rowid")
    quoted = " || ', ' || ".join(f"quote({column})" for column in columns)
    for (values,) in db.execute(f"SELECT {quoted} FROM {table}"):
        yield f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values});"


if __name__ == "__main__":
    newest = len(schema.MIGRATIONS)
    (FOLDER / f"{newest}.sql").write_text(dump(newest), "utf-8")
