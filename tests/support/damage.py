"""Damages a catalogue as a disk does: any value in any column, whatever the tables allow."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

Change = Callable[[Any], Any]


def _truncated(value: Any) -> Any:
    if isinstance(value, str | bytes):
        return value[: len(value) // 2]
    return value // 2 if isinstance(value, int) else value


def _negative(value: Any) -> Any:
    if isinstance(value, int | float):
        return -value - 1
    return -7


def _huge(value: Any) -> Any:
    if isinstance(value, str | bytes):
        return value * 1000
    return 2**62 + 1 if isinstance(value, int) else 1e300


def _garbage(value: Any) -> Any:
    if isinstance(value, bytes):
        return os.urandom(len(value))
    return "gar\0bage" if isinstance(value, str) else 0.5


CHANGES: dict[str, Change] = {
    "nothing": lambda value: None,
    "text": lambda value: "many",
    "blob": lambda value: b"\xff\x00\x80",
    "list": lambda value: "[]",
    "truncated": _truncated,
    "huge": _huge,
    "negative": _negative,
    "garbage": _garbage,
    "infinite": lambda value: float("inf"),
}


def tables(path: Path) -> dict[str, list[str]]:
    """Return the columns of every table with rows, without those of the full-text index."""
    with closing(sqlite3.connect(path)) as db:
        names = db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'words%'"
            " AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlite%'"
        )
        return {
            name: [row[1] for row in db.execute(f"PRAGMA table_info({name})")]
            for (name,) in names.fetchall()
            if db.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone()
        }


def edit(path: Path, *statements: str, values: Sequence[Any] = ()) -> None:
    """Run statements on a catalogue that nothing but SQLite itself notices: no trigger fires."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        triggers = db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name != 'words_gone'"
        ).fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            db.execute(statement, values)
        for _, sql in triggers:
            db.execute(sql)


def change(path: Path, table: str, column: str, damage: Change, row: int = 0) -> bool:
    """Change one value of a row, past all constraints; tell whether SQLite can store that."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        triggers = db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name != 'words_gone'"
        ).fetchall()
        (schema,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        _rewrite(db, table, schema.replace(" NOT NULL", ""))
        try:
            return _update(path, table, column, damage, row)
        finally:
            _rewrite(db, table, schema)
            for _, sql in triggers:
                db.execute(sql)


def _rewrite(db: sqlite3.Connection, table: str, schema: str) -> None:
    db.execute("PRAGMA writable_schema = ON")
    db.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (schema, table))
    db.execute("PRAGMA writable_schema = RESET")


def _update(path: Path, table: str, column: str, damage: Change, row: int) -> bool:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        db.execute("PRAGMA ignore_check_constraints = ON")
        keys = [each[1] for each in db.execute(f"PRAGMA table_info({table})") if each[5]]
        keys = keys or ["rowid"]
        found = db.execute(f"SELECT {', '.join(keys)}, {column} FROM {table}").fetchall()
        *key, value = found[row % len(found)]
        where = " AND ".join(f"{name} IS ?" for name in keys)
        try:
            db.execute(
                f"UPDATE {table} SET {column} = ? WHERE {where}",
                (_bindable(damage(value)), *map(_bindable, key)),
            )
        except (sqlite3.IntegrityError, sqlite3.OperationalError):
            return False
    return True


def _bindable(value: Any) -> Any:
    return (
        value.encode("utf-8", "surrogateescape")
        if isinstance(value, str) and not (value.isprintable())
        else value
    )
