"""A library that someone else made: what Pixtrieve writes and deletes stays in its folder."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library, LibraryError
from retrieval.server.picture_files import thumbnail
from retrieval.whole_file import require_inside, whole_file

JOURNALS = ("catalogue.sqlite-wal", "catalogue.sqlite-shm", "catalogue.sqlite-journal")


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder of someone's files, with names and ages that the caches have, too."""
    folder = tmp_path / "precious"
    folder.mkdir()
    for name in ("fake-1.faiss", "fake-1.faiss.checked", "fake-1-map.npz", "old.tmp", "notes"):
        (folder / name).write_text(f"precious {name}")
    os.utime(folder / "old.tmp", (time.time() - 90_000,) * 2)
    return folder


@pytest.fixture
def folder(tmp_path: Path, pictures: Path) -> Path:
    with Library.create(tmp_path / "library", FakeEncoder()) as library:
        library.add(pictures)
        library.map.update()
    return tmp_path / "library"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def use(folder: Path, pictures: Path) -> list[str]:
    """Do all that writes or deletes files in a library; return the answer of a search."""
    with Library.open(folder, FakeEncoder()) as library:
        found = [os.path.basename(hit.path) for hit in library.search("red").hits]
        library.verify_cache()
        library.map.update(rebuild=True)
        library.map.current()
        paint(pictures / "another.png", (9, 9, 200))
        library.add(pictures)
        image = next(iter(library.images()))[0]
        assert thumbnail(image, 64, str(folder / "thumbnails"))
        library.remove(pictures / "another.png")
        library.search("red")
    return found


@pytest.mark.parametrize("name", ["cache", "thumbnails"])
def test_a_linked_folder_is_left_alone(
    name: str, folder: Path, pictures: Path, precious: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = contents(precious)
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).symlink_to(precious)
    assert use(folder, pictures)[0] == "red.png"
    assert contents(precious) == before
    assert (str(precious) in caplog.text) == (name == "cache")


def test_a_linked_folder_of_thumbnails_is_left_alone(
    folder: Path, pictures: Path, precious: Path
) -> None:
    before = contents(precious)
    with Library.open(folder, FakeEncoder()) as library:
        image = next(iter(library.images()))[0]
    (folder / "thumbnails").mkdir()
    (folder / "thumbnails" / image.sha256[:2]).symlink_to(precious)
    assert thumbnail(image, 64, str(folder / "thumbnails"))
    assert contents(precious) == before


def test_linked_files_of_the_cache_are_left_alone(
    folder: Path, pictures: Path, precious: Path
) -> None:
    before = contents(precious)
    for path in (folder / "cache").iterdir():
        path.unlink()
        path.symlink_to(precious / "notes")
        path.with_name(f"{path.name}.checked").symlink_to(precious / "notes")
    assert use(folder, pictures)[0] == "red.png"
    assert contents(precious) == before


def test_a_linked_note_of_the_writer_is_replaced(
    folder: Path, pictures: Path, precious: Path
) -> None:
    before = contents(precious)
    (folder / "writer.json").unlink()
    (folder / "writer.json").symlink_to(precious / "notes")
    use(folder, pictures)
    assert contents(precious) == before


def test_a_linked_lock_forbids_writing_only(folder: Path, pictures: Path, precious: Path) -> None:
    before = contents(precious)
    (folder / "writer.lock").unlink(missing_ok=True)
    (folder / "writer.lock").symlink_to(precious / "notes")
    with Library.open(folder, FakeEncoder()) as library:
        assert library.search("red")
        with pytest.raises(LibraryError, match=r"writer\.lock leads to .*precious"):
            library.add(pictures)
    assert contents(precious) == before


@pytest.mark.parametrize("name", JOURNALS)
def test_a_linked_journal_is_refused(name: str, folder: Path, precious: Path) -> None:
    before = contents(precious)
    (folder / name).symlink_to(precious / "notes")
    with pytest.raises(LibraryError, match=rf"{name} is a link to .*precious/notes") as refused:
        Library.open(folder, FakeEncoder())
    assert "delete" in refused.value.hint
    assert contents(precious) == before


def test_a_linked_catalogue_is_refused(folder: Path, precious: Path) -> None:
    (folder / "catalogue.sqlite").rename(precious / "catalogue.sqlite")
    (folder / "catalogue.sqlite").symlink_to(precious / "catalogue.sqlite")
    before = contents(precious)
    with pytest.raises(LibraryError, match="is a link to"):
        Library.open(folder, FakeEncoder())
    assert contents(precious) == before


def test_a_linked_folder_of_moves_is_refused(folder: Path, precious: Path) -> None:
    (folder / "moves").symlink_to(precious)
    with (
        Library.open(folder, FakeEncoder()) as library,
        pytest.raises(LibraryError, match=r"moves is a link to .*precious"),
    ):
        library.duplicates.new_log()


def test_the_library_itself_may_be_a_link(folder: Path, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "short").symlink_to(folder)
    assert use(tmp_path / "short", pictures)[0] == "red.png"
    assert list((folder / "cache").glob("*.faiss"))


def test_places_inside_and_outside(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/inner").symlink_to("b")
    (tmp_path / "a/up").symlink_to("..")
    require_inside(str(tmp_path / "a"), str(tmp_path / "a/b/not there yet"))
    for path in ("a/up", "a/up/x", "a/up/a/b", "a/inner/x"):
        with pytest.raises(OSError, match="by a link"):
            require_inside(str(tmp_path / "a"), str(tmp_path / path))


@pytest.mark.parametrize("follow", [True, False])
def test_a_file_is_written_through_a_link_only_if_asked(tmp_path: Path, *, follow: bool) -> None:
    (tmp_path / "kept").write_text("old")
    (tmp_path / "link").symlink_to("kept")
    with whole_file(str(tmp_path / "link"), follow=follow) as file:
        file.write(b"new")
    assert (tmp_path / "link").read_text() == "new"
    assert (tmp_path / "kept").read_text() == ("new" if follow else "old")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["catalogue.sqlite", *JOURNALS])
@pytest.mark.parametrize("kind", ["folder", "pipe", "broken link"])
def test_what_is_no_file_is_no_catalogue(folder: Path, name: str, kind: str) -> None:
    (folder / name).unlink(missing_ok=True)
    if kind == "folder":
        (folder / name).mkdir()
    elif kind == "pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).symlink_to("nowhere")
    for create in (False, True):
        with pytest.raises(LibraryError, match=f"{name} is (not a file|a link)"):
            Library.open(folder, create=create)
    (found,) = (each for each in Library.check(folder).findings if each.severity == "error")
    assert found.code == "catalogue.not_a_file"
    assert name in found.message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["fake-1.faiss", "fake-1.faiss.checked", "fake-1-map.npz"])
def test_a_pipe_in_place_of_a_cache_is_not_waited_for(
    folder: Path, pictures: Path, name: str
) -> None:
    (folder / "cache" / name).unlink(missing_ok=True)
    os.mkfifo(folder / "cache" / name)
    Library.check(folder)
    assert use(folder, pictures)[0] == "red.png"
