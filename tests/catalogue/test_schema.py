"""A catalogue is walked up through the migrations; an old one keeps its rows."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlite_utils import Database

from retrieval.catalogue import Catalogue, schema
from retrieval.errors import LibraryError


def test_migrations_are_numbered_in_their_order() -> None:
    names = [step.__name__ for step in schema.MIGRATIONS]
    assert [name[:5] for name in names] == [f"m{n:03}_" for n in range(1, len(names) + 1)]


def test_an_up_to_date_catalogue_is_opened_without_the_tools_for_old_ones(tmp_path: Path) -> None:
    path = str(tmp_path / "c.sqlite")
    Catalogue(path, create=True).close()
    code = (
        f"import sys; from retrieval.catalogue import Catalogue; Catalogue({path!r}).close(); "
        "print('sqlite_utils' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_new_catalogue_is_at_the_newest_version(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    Catalogue(str(path), create=True).close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
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


def test_two_programs_may_open_an_old_catalogue_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "c.sqlite")
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        Catalogue(path, create=True).close()
    both = threading.Barrier(2)

    def opened() -> object:
        both.wait()
        catalogue = Catalogue(path)
        version = catalogue._db.one("PRAGMA user_version")
        catalogue.close()
        return version

    with ThreadPoolExecutor() as pool:
        versions = [found.result() for found in [pool.submit(opened) for _ in range(2)]]
    assert versions == [len(schema.MIGRATIONS)] * 2


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
    with pytest.raises(LibraryError):
        catalogue._db.rows(statement)
    catalogue.close()


def _schema_of(path: Path) -> set[tuple[str, str]]:
    with sqlite3.connect(path) as db:
        found = set(db.execute("SELECT name, sql FROM sqlite_master").fetchall())
    db.close()
    return found
