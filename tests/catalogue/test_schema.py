"""A catalogue is walked up through the migrations; an old one keeps its rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest
from sqlite_utils import Database

from retrieval.catalogue import Catalogue, schema
from retrieval.catalogue.connection import SCHEMA_VERSION


def steps() -> list[str]:
    return [step.name for step in schema.migrations._migrations]


def test_the_versions_agree() -> None:
    assert len(steps()) == schema.VERSION == SCHEMA_VERSION
    assert [name[:5] for name in steps()] == [f"m{n:03}_" for n in range(1, len(steps()) + 1)]


def test_a_new_catalogue_is_at_the_newest_version(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    Catalogue(str(path), create=True).close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert db.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    Catalogue(str(path), create=True).close()
    before = _schema_of(path)
    Catalogue(str(path), create=True).close()
    Catalogue(str(path)).close()
    assert _schema_of(path) == before


def test_an_interrupted_first_migration_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.sqlite"
    real = schema._execute_all

    def fail_half_way(db: Database, statements: Iterable[str]) -> None:
        real(db, list(statements)[:4])
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(schema, "_execute_all", fail_half_way)
        with pytest.raises(KeyboardInterrupt):
            Catalogue(str(path), create=True)
    Catalogue(str(path), create=True).close()
    assert "vectors" in {name for name, _ in _schema_of(path)}


@pytest.mark.parametrize(
    "statement",
    [
        # neither a picture nor a problem, and both
        "INSERT INTO files (root_id, path, size, mtime_ns) VALUES (1, 'a', 1, 1)",
        (
            "INSERT INTO files (root_id, path, size, mtime_ns, image_id, problem)"
            " VALUES (1, 'a', 1, 1, 1, 'bad')"
        ),
        # a root that is not there
        "INSERT INTO files (root_id, path, size, mtime_ns, problem) VALUES (9, 'a', 1, 1, 'bad')",
    ],
)
def test_rows_that_make_no_sense_are_refused(tmp_path: Path, statement: str) -> None:
    catalogue = Catalogue(str(tmp_path / "c.sqlite"), create=True)
    catalogue.roots.add("/somewhere", whole=True)
    with pytest.raises(sqlite3.IntegrityError):
        catalogue._db.rows(statement)
    catalogue.close()


def _schema_of(path: Path) -> set[tuple[str, str]]:
    with sqlite3.connect(path) as db:
        found = set(db.execute("SELECT name, sql FROM sqlite_master").fetchall())
    db.close()
    return found
