"""Every row has a checksum that any change of it breaks, and that every way of writing keeps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database
from support.damage import CHANGES, change
from support.old_catalogues import load

from retrieval.catalogue import Catalogue, row_checks, schema
from retrieval.catalogue.row_checks import COVERED, Row, cover, cover_again, row_check, seal, sound

UNCOVERED = {"removed", "stamps", "looked_into", "retell", "ocr_done", "outdated"}
"""Tables that no answer comes from: histories of caches, and lists of work."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A catalogue that an older program wrote, brought to the newest schema."""
    load(1, tmp_path / "c.sqlite")
    Catalogue(str(tmp_path / "c.sqlite")).close()
    return tmp_path / "c.sqlite"


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as opened:
        row_checks.register(opened)
        yield opened


def unsound(db: sqlite3.Connection) -> set[str]:
    return {t for t in COVERED if db.execute(f"SELECT 1 FROM {t} WHERE NOT {sound(t)}").fetchone()}


def test_the_checksum_never_changes() -> None:
    """Checksums are stored: another value would call every library damaged."""
    values = (1, 2**40, -5, -(2**63), 0.5, float("inf"), b"x", b"", b"yy" * 300, None)
    assert row_check(*values) == 985478028


def test_what_is_covered_are_the_tables(db: sqlite3.Connection) -> None:
    tables = {
        name
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'words%'"
            " AND name NOT LIKE '%sqlite!_%' ESCAPE '!'"
        ).fetchall()
    }
    assert tables == COVERED.keys() | UNCOVERED
    for table, row in COVERED.items():
        info = db.execute(f"PRAGMA table_info({table})").fetchall()
        assert {each[1] for each in info} == {*row.key, *row.others, "crc"}, table
        assert {each[1] for each in info if each[5]} == set(row.key), table
        texts = {each[1] for each in info if each[2] == "TEXT" or (table, each[1]) == STATE}
        assert texts == {*row.key, *row.others} & row_checks._TEXTS, table


STATE = ("state", "value")
"""Holds texts and numbers."""


def test_a_migration_seals_what_is_there(db: sqlite3.Connection) -> None:
    assert db.execute("SELECT count(*) FROM files").fetchone() == (3,)
    assert unsound(db) == set()


@pytest.mark.parametrize("table", COVERED)
def test_any_change_of_a_value_is_noticed(path: Path, db: sqlite3.Connection, table: str) -> None:
    if not db.execute(f"SELECT 1 FROM {table}").fetchone():
        pytest.skip("the old catalogue has no such row")
    for column in (*COVERED[table].key, *COVERED[table].others, "crc"):
        for damage in ("truncated", "negative", "garbage"):
            before = db.execute(f"SELECT * FROM {table}").fetchall()
            if change(path, table, column, CHANGES[damage]):
                after = db.execute(f"SELECT * FROM {table}").fetchall()
                assert (table in unsound(db)) == (after != before), (column, damage)
            db.executescript(f"{seal(table)}")


def test_whatever_is_written_is_sealed(db: sqlite3.Connection) -> None:
    upsert = "INSERT INTO roots (path, whole) VALUES ('{}', 1) ON CONFLICT DO UPDATE SET whole = 0"
    for statement in (
        upsert.format("/new"),
        upsert.format("/photos"),
        "INSERT OR REPLACE INTO texts (image_id, source, text) VALUES (1, 'caption', 'new')",
        "UPDATE OR REPLACE files SET root_id = 2, path = CAST(x'ff' AS TEXT) WHERE id = 1",
        "UPDATE sidecars SET path = 'b', beside = 'c'",
        "UPDATE files SET mtime_ns = 1, named = '2001'",
        "DELETE FROM files WHERE id = 2",
        "UPDATE state SET value = value + 1 WHERE key = 'generation'",
    ):
        db.execute(statement)
        assert unsound(db) == set(), statement
    assert db.execute("SELECT orphaned_at IS NULL FROM images").fetchall() == [(1,), (0,)]


def test_a_later_change_does_not_hide_damage(path: Path, db: sqlite3.Connection) -> None:
    change(path, "images", "width", lambda width: width + 8)
    db.execute("UPDATE images SET iso = 1")
    assert unsound(db) == {"images"}
    db.execute("UPDATE images SET iso = NULL, width = width - 8 WHERE id = 1")
    assert unsound(db) == set(), "it is again what it was"


def test_other_programs_read_the_catalogue_but_cannot_write_rows_unsealed(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        assert other.execute("SELECT count(*) FROM images").fetchone() == (2,)
        with pytest.raises(sqlite3.OperationalError, match="row_check"):
            other.execute("UPDATE images SET width = 7")
        with pytest.raises(sqlite3.OperationalError, match="row_check"):
            other.execute("INSERT INTO labels (position, label) VALUES (7, 'x')")


def test_a_table_and_a_column_come_later(
    path: Path, db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the next migrations do: see the docstring of the module."""
    album = Row(("id",), ("name",))
    longer = Row(COVERED["labels"].key, (*COVERED["labels"].others, "colour"))
    change(path, "labels", "label", lambda label: label[::-1])
    db.execute("INSERT INTO labels (position, label) VALUES (1, 'car')")

    def m999(opened: Database) -> None:
        schema._execute_all(
            opened,
            (
                "CREATE TABLE shelves (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
                *cover("shelves", album),
                "ALTER TABLE labels ADD COLUMN colour INTEGER",
                *cover_again("labels", COVERED["labels"], longer),
            ),
        )

    m999(Database(db))
    monkeypatch.setattr(row_checks, "COVERED", {**COVERED, "shelves": album, "labels": longer})
    sound.cache_clear()
    try:
        db.execute("INSERT INTO shelves (name) VALUES ('holidays')")
        db.execute("UPDATE labels SET colour = 3")
        assert db.execute(f"SELECT label, {sound('labels')} FROM labels").fetchall() == [
            ("elcycib", 0),
            ("car", 1),
        ]
        assert db.execute(f"SELECT {sound('shelves')} FROM shelves").fetchall() == [(1,)]
    finally:
        sound.cache_clear()
