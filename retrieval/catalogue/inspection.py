"""Looks at a catalogue file without changing it: what `pixtrieve doctor` asks.

Works on files that `Connection` refuses: damaged ones, and those of other versions.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from retrieval.catalogue import row_checks, schema
from retrieval.catalogue.database_file import uri_path
from retrieval.catalogue.healing import irreplaceable
from retrieval.catalogue.row_checks import COVERED, sound
from retrieval.catalogue.texts import SOURCES
from retrieval.images.luma_thumbnail import SIDE

_SHOWN = 5

_TYPES = {
    "INTEGER": "typeof({0}) = 'integer'",
    "REAL": "typeof({0}) IN ('real', 'integer') AND abs({0}) <= 1e300",
    "TEXT": "typeof({0}) = 'text'",
    "BLOB": "typeof({0}) = 'blob'",
}

_SOURCES = ", ".join(f"'{source}'" for source in SOURCES)
_ROWS = {
    "roots": "path != '' AND instr(path, char(0)) = 0",
    "images": "length(sha256) = 32 AND width BETWEEN 0 AND 2147483647"
    " AND height BETWEEN 0 AND 2147483647 AND abs(coalesce(latitude, 0)) <= 90"
    " AND abs(coalesce(longitude, 0)) <= 360 AND (latitude IS NULL) = (longitude IS NULL)"
    " AND coalesce(duration, 1) > 0 AND coalesce(rating, 1) BETWEEN -1 AND 5"
    " AND (own = '' OR json_valid(own))"
    " AND (date_source IN ('exif', 'name', 'file')"
    " OR NOT EXISTS (SELECT 1 FROM files WHERE image_id = images.id))",
    "files": "path != '' AND instr(path, char(0)) = 0 AND size >= 0"
    " AND (image_id IS NULL) != (problem IS NULL)",
    "models": "dim BETWEEN 1 AND 65536 AND name != ''",
    "texts": f"text != '' AND source IN ({_SOURCES})",
    "sketches": f"length(sketch) = {SIDE * SIDE}",
    "nulls": "pictures > 0 AND abs(text_middle) <= 1 AND abs(picture_middle) <= 1"
    " AND text_spread > 0 AND text_spread <= 1 AND picture_spread > 0 AND picture_spread <= 1",
    "tags": "score BETWEEN 0 AND 1 AND label != ''",
    "labels": "label != ''",
    "vectors": "(view IN ('whole', 'text') OR view GLOB 'at [0-9]*')",
    "albums": "name != '' AND key != '' AND sort IN ('hand', 'date', 'date-desc')"
    " AND length(coalesce(cover, zeroblob(32))) = 32",
    "album_pictures": "length(sha256) = 32 AND instr(path, char(0)) = 0",
    "favourites": "length(sha256) = 32 AND instr(path, char(0)) = 0",
    "saved_searches": "name != '' AND key != '' AND json_valid(question) AND newest >= 0"
    " AND length(seen) % 8 = 0",
}
"""What holds for every row, beside the types of its columns."""

CHECKED = (
    *("roots", "excludes", "mounts", "images", "files", "models", "texts", "sidecars", "sketches"),
    *("kept", "nulls", "tags", "labels", "concepts", "concept_examples", "concept_heads"),
    *("removed", "stamps", "looked_into", "outdated", "vectors"),
    *("albums", "album_pictures", "favourites", "saved_searches"),
)
"""The tables whose rows are checked; the numbers in vectors are checked elsewhere."""

PEOPLES = {
    "roots": ("the indexed folder", "path"),
    "excludes": ("the pattern that excludes files", "pattern"),
    "mounts": ("the mount point", "path"),
    "texts": ("the text of a picture", "text"),
    "kept": ("the kept group of duplicates", "set_id"),
    "labels": ("the label", "label"),
    "concepts": ("the concept", "name"),
    "concept_examples": ("the example of a concept", "example"),
    "albums": ("the album", "name"),
    "album_pictures": ("the picture of an album", "path"),
    "favourites": ("the favourite", "path"),
    "saved_searches": ("the saved search", "name"),
}
"""Tables with rows that no indexing run can make, what they are called, and what names one."""

_ELSEWHERE = {"models", "state", "vectors"}


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found in a catalogue file; everything empty if it is sound.

    `unreadable` says why SQLite cannot read it, `structure` what `PRAGMA integrity_check` says,
    `dangling` counts rows by table that refer to nothing, `wrong` rows by table with impossible
    values, `altered` those that differ from their checksums and are read or made again, `peoples`
    names those that a person made or imported. `schema` names parts of the tables that differ,
    `settings` what is wrong with the state.
    """

    version: int = 0
    unreadable: str = ""
    structure: tuple[str, ...] = ()
    schema: tuple[str, ...] = ()
    dangling: dict[str, int] | None = None
    wrong: dict[str, int] | None = None
    altered: dict[str, int] | None = None
    peoples: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    words: int = 0

    @property
    def malformed(self) -> bool:
        """Whether the file must be salvaged: SQLite cannot rely on its structure."""
        return bool(self.unreadable or self.structure or self.schema)


@contextmanager
def reading(path: str) -> Iterator[sqlite3.Connection]:
    """Open a catalogue file for reading, however damaged; sqlite3.DatabaseError if that fails."""
    mode = "mode=ro" if os.access(os.path.dirname(path), os.W_OK) else "mode=ro&immutable=1"
    with closing(
        sqlite3.connect(f"file:{uri_path(path)}?{mode}", uri=True, isolation_level=None, timeout=30)
    ) as db:
        db.text_factory = bytes
        row_checks.register(db)
        yield db


def inspect(path: str) -> Inspected:
    """Look at a catalogue file: see `Inspected`."""
    try:
        with reading(path) as db:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version != len(schema.MIGRATIONS):
                db.execute("SELECT count(*) FROM sqlite_master").fetchone()
                return Inspected(version)
            structure = [row[0].decode() for row in db.execute("PRAGMA integrity_check(20)")]
            # A type that is not the column's is reported below, with what can be done about it.
            structure = [line for line in structure if not _is_about_a_value(line)]
            differs = _schema_differs(db)
            if structure or differs:
                return Inspected(version, "", tuple(structure[:_SHOWN]), differs)
            return Inspected(
                version,
                dangling=_dangling(db),
                wrong=_wrong(db),
                altered=_altered(db),
                peoples=tuple(_peoples(db)),
                settings=tuple(dict.fromkeys(_settings(db))),
                words=_texts_without_words(db),
            )
    except (sqlite3.DatabaseError, ValueError, TypeError) as error:
        return Inspected(unreadable=str(error) or type(error).__name__)


def altered(db: sqlite3.Connection, table: str, *, peoples: bool) -> str:
    """Return the SQL condition of possible rows that differ from their checksums.

    `peoples`: those that only a person can make or bring again, or all others.
    """
    theirs = irreplaceable(db) if table == "texts" else str(int(table in PEOPLES))
    which = theirs if peoples else f"NOT ({theirs})"
    return f"({which}) AND NOT {sound(table)} AND ({condition(db, table)})"


def condition(db: sqlite3.Connection, table: str) -> str:
    """Return the SQL condition that the values of every row of a table meet."""
    parts = []
    for _, name, kind, required, _, key in db.execute(f"PRAGMA table_info({table})"):
        if _text(name) == "crc":
            continue
        column = f'"{_text(name)}"'
        test = _TYPES[_text(kind)].format(column)
        parts.append(test if required or key else f"({column} IS NULL OR {test})")
    return " AND ".join([*parts, *([_ROWS[table]] if table in _ROWS else [])])


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


def _is_about_a_value(line: str) -> bool:
    return line == "ok" or " value in " in line or line.startswith("CHECK constraint failed")


def _schema_differs(db: sqlite3.Connection) -> tuple[str, ...]:
    """Return the names of tables, indexes and triggers that are missing or other than they were."""
    here = {(kind, name): rest for kind, name, *rest in db.execute(_MASTER).fetchall()}
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as new:
        schema.migrate(new)
        new.text_factory = bytes
        wanted = {(kind, name): rest for kind, name, *rest in new.execute(_MASTER).fetchall()}
    differs = [key for key, rest in wanted.items() if here.get(key) != rest]
    return tuple(f"{_text(kind)} {_text(name)}" for kind, name in differs[:_SHOWN])


_MASTER = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"


def _dangling(db: sqlite3.Connection) -> dict[str, int]:
    counts: dict[str, int] = {}
    for table, *_ in db.execute("PRAGMA foreign_key_check"):
        counts[_text(table)] = counts.get(_text(table), 0) + 1
    return counts


def _wrong(db: sqlite3.Connection) -> dict[str, int]:
    counts = {}
    for table in CHECKED:
        sql = f"SELECT count(*) FROM {table} WHERE ({condition(db, table)}) IS NOT 1"
        if count := db.execute(sql).fetchone()[0]:
            counts[table] = int(count)
    return counts


def _altered(db: sqlite3.Connection) -> dict[str, int]:
    counts = {}
    for table in COVERED.keys() - _ELSEWHERE:
        where = altered(db, table, peoples=False)
        if count := db.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]:
            counts[table] = int(count)
    return dict(sorted(counts.items()))


def _peoples(db: sqlite3.Connection) -> Iterator[str]:
    for table, (what, name) in PEOPLES.items():
        where = altered(db, table, peoples=True)
        for (value,) in db.execute(f"SELECT {name} FROM {table} WHERE {where}").fetchall():
            now = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            yield f"{what} “{now}”"

    without = (
        "SELECT name FROM concepts WHERE NOT EXISTS"
        " (SELECT 1 FROM concept_examples WHERE concept_id = concepts.id AND wanted)"
    )
    for (name,) in db.execute(without).fetchall():
        yield f"the concept “{_text(name)}”, whose examples are lost"


def _settings(db: sqlite3.Connection) -> Iterator[str]:
    for (key,) in db.execute(f"SELECT key FROM state WHERE NOT {sound('state')}").fetchall():
        yield _text(key) if isinstance(key, bytes | str) else "a setting"
    found = dict(db.execute("SELECT key, value FROM state").fetchall())
    generation, model = found.get(b"generation"), found.get(b"model_id")
    if not isinstance(generation, int) or generation < 0:
        yield "generation"
    elif not db.execute("SELECT 1 FROM stamps WHERE generation = ?", (generation,)).fetchone():
        yield "stamp"
    if not db.execute("SELECT 1 FROM models WHERE id = ?", (model,)).fetchone():
        yield "model"


def _texts_without_words(db: sqlite3.Connection) -> int:
    """Count pictures with texts that the full-text index does not have, or has twice."""
    return int(
        db.execute(
            "SELECT count(*) FROM (SELECT DISTINCT image_id FROM texts EXCEPT"
            " SELECT rowid FROM words_docsize)"
        ).fetchone()[0]
    )
