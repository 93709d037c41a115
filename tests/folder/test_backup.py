"""A backup holds all that a library knows; a damaged one changes nothing; nothing is destroyed."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library, LibraryBusy, LibraryError
from retrieval.catalogue.row_checks import register
from retrieval.errors import LibraryTooNew
from retrieval.folder import backup as backups
from retrieval.folder.archive import CATALOGUE, MANIFEST, write_archive
from retrieval.folder.backup import read_backup


@pytest.fixture
def full(library: Library, pictures: Path) -> Library:
    """A library with something of everything that people make."""
    library.add(pictures, exclude="*.gif")
    library.texts.put({pictures / "red.png": ["a red square"]})
    library.concepts.learn("warm", [str(pictures / "red.png")], [str(pictures / "deep/blue.png")])
    library.tags.label(["red", "blue"])
    moves = Path(library.path) / "moves"
    moves.mkdir()
    (moves / "2026-01-01T00-00-00.jsonl").write_text('{"pixtrieve": "moves", "version": 1}\n')
    return library


def answers(library: Library) -> object:
    """Return what searches and lists say."""
    hits = library.search("red", 10)
    return (
        [(hit.path, round(hit.score, 5)) for hit in hits],
        sorted(row.text for image, _ in library.images() for row in library.texts.of(image.id)),
        library.concepts.all(),
        library.tags.all(),
    )


def opened(path: Path) -> Library:
    return Library.open(path, FakeEncoder())


def test_a_restored_library_answers_as_before(full: Library, tmp_path: Path) -> None:
    made = full.backup(tmp_path / "b.zip")
    assert made.counts["pictures"] == 4
    assert (made.counts["captions"], made.counts["concepts"], made.counts["labels"]) == (1, 1, 2)
    done = Library.restore(tmp_path / "b.zip", tmp_path / "other")
    assert (done.kept, done.backup.counts) == ("", made.counts)
    with opened(tmp_path / "other") as restored:
        assert answers(restored) == answers(full)
        assert restored.add().tally.pending == 0
    assert (tmp_path / "other/moves/2026-01-01T00-00-00.jsonl").exists()


def test_the_file_is_a_zip_with_a_manifest(full: Library, tmp_path: Path) -> None:
    full.backup(tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read(MANIFEST))
        content = archive.read(CATALOGUE)
    member = manifest["members"][CATALOGUE]
    assert member == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert manifest["counts"]["pictures"] == 4
    assert {"program", "schema", "created"} <= manifest.keys()


def test_an_existing_file_is_kept(full: Library, tmp_path: Path) -> None:
    target = tmp_path / "b.zip"
    target.write_text("mine")
    with pytest.raises(LibraryError, match="exists"):
        full.backup(target)
    assert target.read_text() == "mine"
    full.backup(target, replace=True)
    assert read_backup(str(target)).counts["pictures"] == 4
    with pytest.raises(LibraryError):
        full.backup(Path(full.path) / CATALOGUE, replace=True)


def test_a_failed_backup_leaves_no_trace(
    full: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(os.listdir(tmp_path))

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("retrieval.folder.backup.write_archive", full_disk)
    with pytest.raises(LibraryError, match="No space left"):
        full.backup(tmp_path / "b.zip")
    assert sorted(os.listdir(tmp_path)) == before


def test_what_was_written_is_read_back(
    full: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bad_disk(path: str, files: Mapping[str, str], facts: Mapping[str, object]) -> None:
        write_archive(path, files, facts)
        with open(path, "r+b") as file:
            file.seek(1000)
            file.write(b"\xff\x00\xff")

    monkeypatch.setattr("retrieval.folder.backup.write_archive", bad_disk)
    with pytest.raises(LibraryError):
        full.backup(tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


def test_a_damaged_catalogue_makes_no_backup(full: Library, tmp_path: Path) -> None:
    full.close()
    catalogue = Path(full.path) / CATALOGUE
    content = bytearray(catalogue.read_bytes())
    content[4096 * 3 : 4096 * 12] = b"\x77" * (4096 * 9)
    catalogue.write_bytes(content)
    with pytest.raises(LibraryError, match=r"catalogue\.sqlite"):
        backups.write_backup(full.path, str(tmp_path / "b.zip"))
    assert not (tmp_path / "b.zip").exists()


def test_a_library_in_place_is_kept(full: Library, tmp_path: Path, pictures: Path) -> None:
    full.backup(tmp_path / "b.zip")
    paint(pictures / "later.png", "white")
    full.add()
    with pytest.raises(LibraryError, match="already"):
        Library.restore(tmp_path / "b.zip", full.path)
    assert full.status().counts.images == 5

    done = Library.restore(tmp_path / "b.zip", full.path, replace=True)
    assert full.status().counts.images == 4, "an open library goes on with the restored one"
    assert len(full.search("white", 10)) == 4
    assert read_backup(done.kept).counts["pictures"] == 5
    assert Library.restore(done.kept, full.path, replace=True).backup.counts["pictures"] == 5
    assert full.add().tally.pending == 0


def test_a_damaged_library_is_kept_as_it_is(full: Library, tmp_path: Path) -> None:
    full.backup(tmp_path / "b.zip")
    full.close()
    catalogue = Path(full.path) / CATALOGUE
    catalogue.write_bytes(b"SQLite format 3\0" + b"\x55" * 50_000)
    done = Library.restore(tmp_path / "b.zip", full.path, replace=True)
    assert (Path(done.kept) / CATALOGUE).stat().st_size == 50_016
    with opened(Path(full.path)) as restored:
        assert restored.status().counts.images == 4


def test_a_library_that_is_being_written_is_not_replaced(full: Library, tmp_path: Path) -> None:
    full.backup(tmp_path / "b.zip")
    with full._session.writer(), pytest.raises(LibraryBusy):
        Library.restore(tmp_path / "b.zip", full.path, replace=True)


def test_backups_while_pictures_are_indexed(
    library: Library, tmp_path: Path, encoder: FakeEncoder
) -> None:
    for number in range(120):
        paint(tmp_path / f"many/{number}.png", (number, 255 - number, number))
    made: list[int] = []

    def indexing() -> None:
        with opened(Path(library.path)) as writer:
            writer.add(tmp_path / "many")

    thread = threading.Thread(target=indexing)
    thread.start()
    for number in range(5):
        made.append(library.backup(tmp_path / f"{number}.zip").counts["pictures"])
    thread.join()
    made.append(library.backup(tmp_path / "last.zip").counts["pictures"])
    assert made == sorted(made)
    assert made[-1] == 120


# Damaged and hostile files


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("backup")
    paint(folder / "p/red.png", "red")
    with Library.create(folder / "library", FakeEncoder()) as library:
        library.add(folder / "p")
        library.backup(folder / "b.zip")
    return (folder / "b.zip").read_bytes()


def refused(content: bytes, tmp_path: Path) -> str:
    """Check that a file is refused, and changes nothing; return the message."""
    path = tmp_path / "damaged.zip"
    path.write_bytes(content)
    with pytest.raises(LibraryError) as caught:
        Library.restore(path, tmp_path / "restored")
    assert caught.value.hint
    assert not (tmp_path / "restored" / CATALOGUE).exists()
    return caught.value.message


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_a_flipped_bit_is_refused(made: bytes, tmp_path: Path, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(made) - 1))
    bit = data.draw(st.integers(0, 7))
    content = bytearray(made)
    content[at] ^= 1 << bit
    assert "damaged.zip" in refused(bytes(content), tmp_path)


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_a_shortened_file_is_refused(made: bytes, tmp_path: Path, data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(made) - 1))
    assert "damaged.zip" in refused(made[:end], tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"SQLite format 3\0" * 100])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    refused(content, tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"none\.zip"):
        Library.restore(tmp_path / "none.zip", tmp_path / "restored")


Rewrite = Callable[[dict[str, bytes], dict[str, object]], None]


def forged(made: bytes, tmp_path: Path, change: Rewrite) -> bytes:
    """Return an archive with other members whose digests are all right."""
    source, target = tmp_path / "source.zip", tmp_path / "forged.zip"
    source.write_bytes(made)
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop(MANIFEST))
    change(members, manifest)
    manifest["members"] = {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in members.items()
    }
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(MANIFEST, json.dumps(manifest))
        archive.comment = b"sha256 " + b"0" * 64
    content = target.read_bytes()[:-64]
    return content + hashlib.sha256(content).hexdigest().encode()


def changed_catalogue(tmp_path: Path, content: bytes, *statements: str) -> bytes:
    path = tmp_path / "changed.sqlite"
    path.write_bytes(content)
    with closing(sqlite3.connect(path)) as db:
        register(db)
        db.execute("PRAGMA journal_mode = DELETE")
        for statement in statements:
            db.execute(statement)
        db.commit()
    return path.read_bytes()


def test_a_forged_archive_without_a_change_is_restored(made: bytes, tmp_path: Path) -> None:
    (tmp_path / "same.zip").write_bytes(forged(made, tmp_path, lambda *_: None))
    assert Library.restore(tmp_path / "same.zip", tmp_path / "same").backup.counts["pictures"] == 1


@pytest.mark.parametrize(
    "name",
    ["../outside", "/etc/outside", "moves/../../outside", "moves\\outside", "cache/x", "moves/.x"],
)
def test_names_that_lead_elsewhere_are_refused(made: bytes, tmp_path: Path, name: str) -> None:
    def change(members: dict[str, bytes], _: dict[str, object]) -> None:
        members[name] = b"x"

    refused(forged(made, tmp_path, change), tmp_path)
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER mine AFTER UPDATE ON files BEGIN DELETE FROM images; END",
        "CREATE VIEW mine AS SELECT * FROM images",
        "DROP TRIGGER files_deleted",
        "PRAGMA application_id = 7",
    ],
)
def test_a_catalogue_that_pixtrieve_did_not_write(
    made: bytes, tmp_path: Path, statement: str
) -> None:
    def change(members: dict[str, bytes], _: dict[str, object]) -> None:
        members[CATALOGUE] = changed_catalogue(tmp_path, members[CATALOGUE], statement)

    refused(forged(made, tmp_path, change), tmp_path)


def test_a_backup_of_a_newer_pixtrieve_names_it(made: bytes, tmp_path: Path) -> None:
    def change(members: dict[str, bytes], _: dict[str, object]) -> None:
        members[CATALOGUE] = changed_catalogue(
            tmp_path,
            members[CATALOGUE],
            "PRAGMA user_version = 99",
            "UPDATE state SET value = '9.8.7' WHERE key = 'program'",
        )

    (tmp_path / "newer.zip").write_bytes(forged(made, tmp_path, change))
    with pytest.raises(LibraryTooNew) as caught:
        Library.restore(tmp_path / "newer.zip", tmp_path / "restored")
    assert "9.8.7" in caught.value.message
    assert "9.8.7" in caught.value.hint


@pytest.mark.parametrize("format_", ["something", 7, None])
def test_another_kind_of_archive(made: bytes, tmp_path: Path, format_: object) -> None:
    def change(_: dict[str, bytes], manifest: dict[str, object]) -> None:
        manifest["format"] = format_

    refused(forged(made, tmp_path, change), tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("step", ["copy", "archive", "place"])
def test_a_killed_restore_loses_nothing(full: Library, tmp_path: Path, step: str) -> None:
    full.backup(tmp_path / "b.zip")
    paint(tmp_path / "pictures/later.png", "white")
    full.add()
    code = f"""
        import os, signal
        from retrieval.folder import backup

        def killed(*_, **__):
            os.kill(os.getpid(), signal.SIGKILL)

        step = {step!r}
        if step == "place":
            real, calls = backup.copy_catalogue, []
            def copy(source, target):
                if "before-restore" not in target and ".pixtrieve" not in target:
                    import sqlite3
                    new = sqlite3.connect(target, isolation_level=None)
                    with sqlite3.connect(source) as old:
                        old.backup(new, pages=5, progress=killed)
                real(source, target)
            backup.copy_catalogue = copy
        elif step == "archive":
            backup.write_archive = killed
        else:
            backup.check_catalogue = killed
        backup.restore_backup({str(tmp_path / "b.zip")!r}, {full.path!r}, replace=True)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, timeout=300, check=False
    )
    assert done.returncode == -9, done.stderr
    assert full.status().counts.images == 5
    full.close()
    with opened(Path(full.path)) as again:
        assert again.status().counts.images == 5
    assert Library.restore(tmp_path / "b.zip", full.path, replace=True).backup.counts["files"] == 4
