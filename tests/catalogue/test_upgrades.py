"""A catalogue of every schema opens, migrates once, and loses nothing on the way."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest
from support.damage import edit
from support.fakes import FakeEncoder
from support.old_catalogues import FOLDER, load

from retrieval import Library, LibraryError
from retrieval.catalogue import Catalogue, schema
from retrieval.errors import LibraryTooNew

NEWEST = len(schema.MIGRATIONS)
VERSIONS = tuple(range(1, NEWEST + 1))
OLD = VERSIONS[:-1]


@pytest.fixture
def old(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A library whose catalogue has the schema of the parameter."""
    (tmp_path / "library").mkdir()
    load(request.param, tmp_path / "library/catalogue.sqlite")
    return tmp_path / "library"


every_version = pytest.mark.parametrize("old", VERSIONS, indirect=True)
old_versions = pytest.mark.parametrize("old", OLD, indirect=True)


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def content_of(path: Path) -> dict[str, list[object]]:
    """Return the rows of the tables that schema 1 has, in its columns."""
    with closing(sqlite3.connect(":memory:")) as first, closing(sqlite3.connect(path)) as db:
        first.executescript((FOLDER / "1.sql").read_text("utf-8"))
        tables = first.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '!_%' ESCAPE '!'"
            " AND name NOT LIKE 'words!_%' ESCAPE '!' AND name != 'state'"
        ).fetchall()
        found: dict[str, list[object]] = {}
        for (table,) in tables:
            columns = [row[1] for row in first.execute(f"PRAGMA table_info({table})")]
            if table == "sidecars":
                columns.remove("mtime_ns")  # a migration has them read again
            found[table] = db.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
        return found


def test_every_schema_has_a_catalogue() -> None:
    assert sorted(int(path.stem) for path in FOLDER.glob("*.sql")) == list(VERSIONS)


@every_version
def test_it_answers_as_before(old: Path) -> None:
    before = content_of(old / "catalogue.sqlite")
    assert len(before["files"]) == 3
    with Library.open(old, FakeEncoder()) as library:
        assert [os.path.basename(hit.path) for hit in library.search("red", 2)] == [
            "red.png",
            "2019-05-06 blue.jpg",
        ]
        assert library.search("grandmother", 1, look_in="texts")[0].path == "/photos/trips/red.png"
        place = "date = 2019-05-06 and gps near 48.85,2.35 within 1 km"
        assert len(library.search(None, where=place)) == 1
        assert len(library.search(None, where="tag = 'bicycle' and camera = 'Canon'")) == 1
        assert [concept.name for concept in library.concepts.all()] == ["warm"]
        assert library.tags.labels() == ("bicycle",)
        assert library._session.catalogue.duplicates.kept() == [{1: 2}]
        assert [row.reason for row in library.problems()] == ["damaged"]
    assert version_of(old / "catalogue.sqlite") == NEWEST
    assert content_of(old / "catalogue.sqlite") == before
    assert [name for name in os.listdir(old) if "schema" in name] == [], "the copy is gone"


@every_version
def test_its_tables_are_those_of_a_new_one(old: Path, tmp_path: Path) -> None:
    Catalogue(str(old / "catalogue.sqlite")).close()
    Catalogue(str(tmp_path / "new.sqlite"), create=True).close()
    parts = []
    for path in (old / "catalogue.sqlite", tmp_path / "new.sqlite"):
        with closing(sqlite3.connect(path)) as db:
            rows = db.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
            parts.append({(kind, name, " ".join((sql or "").split())) for kind, name, sql in rows})
    assert parts[0] == parts[1]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("moment", ["copying", "copied", "migrating", "migrated", "committed"])
@pytest.mark.parametrize("old", [1, OLD[-1]], indirect=True)
def test_a_kill_loses_nothing(old: Path, moment: str) -> None:
    path = old / "catalogue.sqlite"
    before = content_of(path)
    code = f"""
        import os, signal
        from retrieval.catalogue import Catalogue, connection, schema

        def killed(*_, **__):
            os.kill(os.getpid(), signal.SIGKILL)

        moment = {moment!r}
        if moment == "copying":
            connection.os.replace = killed
        elif moment == "copied":
            real = connection.os.replace
            connection.os.replace = lambda *both: (real(*both), killed())
        elif moment == "migrating":
            inside = schema.MIGRATIONS[-1]
            def last(db):
                inside(db)
                killed()
            last.__name__ = inside.__name__
            schema.MIGRATIONS[-1] = last
        elif moment == "migrated":
            schema.program = killed
        else:
            real = schema.migrate
            schema.migrate = lambda *a, **k: (real(*a, **k), killed())
        Catalogue({str(path)!r})
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, timeout=300, check=False
    )
    assert done.returncode == -9, done.stderr
    if moment != "copying":
        copies = [old / name for name in os.listdir(old) if "schema-" in name]
        assert [content_of(copy) for copy in copies] == [before]
    with Library.open(old, FakeEncoder()) as library:
        assert len(library.search("red", 5)) == 2
    assert content_of(path) == before
    assert version_of(path) == NEWEST


@old_versions
def test_a_failed_migration_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = old / "catalogue.sqlite"
    before, version = content_of(path), version_of(path)

    def full_disk() -> str:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(schema, "program", full_disk)
        with pytest.raises(LibraryError, match="full") as caught:
            Catalogue(str(path))
    assert f"catalogue.sqlite.schema-{version}" in caught.value.hint
    assert (content_of(path), version_of(path)) == (before, version)
    Catalogue(str(path)).close()
    assert version_of(path) == NEWEST


@pytest.mark.parametrize("old", [1], indirect=True)
def test_without_a_copy_nothing_is_migrated(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = old / "catalogue.sqlite"

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("os.replace", no_space)
        with pytest.raises(LibraryError, match="No space left"):
            Catalogue(str(path))
    assert version_of(path) == 1


def test_a_newer_schema_names_the_version_that_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    Catalogue(str(path), create=True).close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT value FROM state WHERE key = 'program'").fetchone() == (
            schema.program(),
        )
        db.execute(f"PRAGMA user_version = {NEWEST + 1}")
    edit(path, "UPDATE state SET value = '7.1.0' WHERE key = 'program'")
    with pytest.raises(LibraryTooNew) as caught:
        Catalogue(str(path))
    assert "7.1.0" in caught.value.message
    assert "pixtrieve>=7.1.0" in caught.value.hint


def test_a_newer_schema_without_a_version_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    Catalogue(str(path), create=True).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE state")
        db.execute(f"PRAGMA user_version = {NEWEST + 1}")
    with pytest.raises(LibraryTooNew) as caught:
        Catalogue(str(path))
    assert "pip install --upgrade pixtrieve" in caught.value.hint
