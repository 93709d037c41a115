"""A checksum for each row: SQLite notices damage to the structure of its file, not to values.

Each table in `COVERED` has a column `crc`, the CRC-32 of all its other columns. Triggers write it,
whoever writes the row; they call the SQL function `row_check`, so every connection that writes
needs `register`. `sound` is the SQL condition that a row is as it was written. What reads rows to
show them, or to decide by them, asks for it.

A trigger seals a new row. It seals a changed row only if that was sound before, so that no change
of another column hides damage. A damaged row is replaced, or sealed by `seal` on purpose.

**A new table:** add a line to `COVERED`, add the names of its text columns to `_TEXTS`, and let the
migration that creates it end with `cover(NAME, COVERED[NAME])`. **A new column of a covered
table:** a migration adds it and runs `cover_again`; what older migrations cover stays as it is.
**What a person makes** in it goes into `PEOPLES` in `inspection`.
`tests/catalogue/test_row_checks.py` compares all of this with the tables.
"""

from __future__ import annotations

import marshal
import sqlite3
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

_TEXTS = frozenset(
    (
        *("beside", "camera", "city", "colour_label", "country", "date", "date_source", "example"),
        *("fingerprint", "format", "key", "keywords", "label", "lens", "licence", "location"),
        *("looked", "name", "named", "near_city", "near_country", "near_region", "own", "path"),
        *("pattern", "people", "preprocessing", "problem", "problem_kind", "question", "region"),
        *("sort", "source", "taken", "text", "value", "view"),
    )
)
"""Columns of these names hold texts, in every table."""


@dataclass(frozen=True, slots=True)
class Row:
    """The columns of a covered table: those of its primary key, and all others but `crc`."""

    key: tuple[str, ...]
    others: tuple[str, ...]


def _row(key: str, others: str = "") -> Row:
    return Row(tuple(key.split()), tuple(others.split()))


FIRST = {
    "roots": _row("id", "path whole missing"),
    "excludes": _row("root_id pattern", "source"),
    "mounts": _row("root_id path"),
    "images": _row(
        "id",
        "sha256 format width height taken camera lens latitude longitude orphaned_at date"
        " date_source iso aperture exposure focal_length told",
    ),
    "files": _row(
        "id",
        "root_id path size mtime_ns image_id problem problem_kind megapixels named",
    ),
    "models": _row("id", "fingerprint name dim licence preprocessing"),
    "vectors": _row("id", "image_id model_id view embedding"),
    "texts": _row("image_id source", "text"),
    "sidecars": _row("root_id path", "beside size mtime_ns source text taken latitude longitude"),
    "sketches": _row("image_id", "sketch"),
    "kept": _row("set_id image_id", "files"),
    "nulls": _row("model_id", "pictures text_middle text_spread picture_middle picture_spread"),
    "tags": _row("image_id label source", "score model_id"),
    "labels": _row("position", "label"),
    "concepts": _row("id", "name"),
    "concept_examples": _row("concept_id example", "wanted"),
    "concept_heads": _row("concept_id model_id", "direction steepness offset auc accuracy"),
    "state": _row("key", "value"),
}
"""What the migration m007 covers."""

SECOND = {
    "images": _row(
        "id",
        "sha256 format width height taken camera lens latitude longitude orphaned_at date"
        " date_source iso aperture exposure focal_length location city region country people"
        " keywords rating colour_label own near_city near_region near_country",
    ),
    "sidecars": _row(
        "root_id path",
        "beside size mtime_ns source text taken latitude longitude location city region country"
        " people keywords rating colour_label",
    ),
}
"""What the migration m009 covers again."""

THIRD = {
    "images": _row("id", f"{' '.join(SECOND['images'].others)} duration"),
}
"""What the migration m010 covers again."""

COVERED = {
    **FIRST,
    **SECOND,
    **THIRD,
    "albums": _row("id", "name key sort cover"),
    "album_pictures": _row("album_id sha256", "position path"),
    "favourites": _row("sha256", "path"),
    "saved_searches": _row("id", "name key question looked fingerprint newest seen"),
}
"""The covered tables as they are now."""


def row_check(*values: Any) -> int:
    """Return the checksum of a row: the CRC-32 of its values, texts as their bytes.

    The values are marshalled in version 2, which is exact for numbers and five times as fast as
    any other form. A test compares it with a known value: it must never change.
    """
    return zlib.crc32(marshal.dumps(values, 2))


def register(db: sqlite3.Connection) -> None:
    """Give a connection the SQL function that the triggers call."""
    db.create_function("row_check", -1, row_check, deterministic=True)
    # Some builds of SQLite let triggers call built-in functions only.
    db.execute("PRAGMA trusted_schema = ON")


@cache
def sound(table: str, alias: str = "") -> str:
    """Return the SQL condition (1 or 0, never NULL) that a row of a table is undamaged."""
    return _sound(COVERED[table], alias or table)


def cover(table: str, row: Row) -> list[str]:
    """Return the statements that give a table checksums, for the rows that it has as well."""
    return [
        f"ALTER TABLE {table} ADD COLUMN crc INTEGER",
        f"UPDATE {table} SET crc = {_value(row, table)}",
        *_triggers(table, row),
    ]


def cover_again(table: str, old: Row, new: Row) -> list[str]:
    """Return the same for a covered table that has got columns. Damaged rows stay damaged."""
    _, first, *triggers = cover(table, new)
    names = [f"{table}_checked_{event}" for event in ("insert", "update")]
    drop = [f"DROP TRIGGER {name}" for name in names]
    return [*drop, f"{first} WHERE {_sound(old, table)}", *triggers]


def seal(table: str) -> str:
    """Return the beginning of an UPDATE that declares rows to be right; a WHERE may follow."""
    return f"UPDATE {table} SET crc = {_value(COVERED[table], table)}"


def _triggers(table: str, row: Row) -> list[str]:
    where = " AND ".join(f"{name} = new.{name}" for name in row.key)
    write = f"UPDATE {table} SET crc = {_value(row, table)} WHERE {where}"
    columns = ", ".join((*row.key, *row.others))
    changed = f"UPDATE OF {columns} ON {table} WHEN {_sound(row, 'old')}"
    return [
        f"CREATE TRIGGER {table}_checked_insert AFTER INSERT ON {table} BEGIN {write}; END",
        f"CREATE TRIGGER {table}_checked_update AFTER {changed} BEGIN {write}; END",
    ]


def _sound(row: Row, alias: str) -> str:
    return f"({alias}.crc IS {_value(row, alias)})"


def _value(row: Row, alias: str) -> str:
    # As bytes: texts need not be UTF-8, and only bytes reach a Python function unchanged.
    values = (
        f"CAST({alias}.{name} AS BLOB)" if name in _TEXTS else f"{alias}.{name}"
        for name in (*row.key, *row.others)
    )
    return f"row_check({', '.join(values)})"
