"""Pictures at another path: rows change, and nothing that is known of them is lost."""

from __future__ import annotations

import os
import shutil
import unicodedata
from pathlib import Path

import pytest
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library, LibraryError
from retrieval.duplicates.moving import Moved


@pytest.fixture
def indexed(library: Library, pictures: Path) -> Library:
    (pictures / "red.txt").write_text("a sidecar")
    library.add(pictures, exclude="*.gif")
    library.texts.put({pictures / "red.png": ["a caption"]})
    paint(pictures.parent / "example.png", "red")
    return library


def paths(library: Library) -> list[str]:
    return sorted(path for image, _ in library.images() for path in image.paths)


def unread(library: Library) -> None:
    """Check that a run over everything finds nothing to do and encodes nothing."""
    encoder = library.encoder()
    assert isinstance(encoder, FakeEncoder)
    before = encoder.images_encoded
    tally = library.add().tally
    assert (tally.pending, tally.removed, encoder.images_encoded - before) == (0, 0, 0)


def test_a_moved_folder(indexed: Library, pictures: Path, tmp_path: Path) -> None:
    new = tmp_path / "elsewhere/photos"
    new.parent.mkdir()
    before = paths(indexed)
    shutil.move(pictures, new)
    dry = indexed.relocate(pictures, new, dry_run=True)
    assert (dry.files, dry.found) == (4, 4)
    assert paths(indexed) == before, "a dry run changes nothing"
    done = indexed.relocate(pictures, new)
    assert done == dry
    assert [(each.old, each.new, each.files) for each in done.folders] == [
        (str(pictures), str(new), 4)
    ]
    assert paths(indexed) == [path.replace(str(pictures), str(new)) for path in before]
    unread(indexed)
    image = indexed.image_at(new / "red.png")
    assert image is not None
    texts = {row.source: row.text for row in indexed.texts.of(image.id)}
    assert (texts["caption"], texts["sidecar"]) == ("a caption", "a sidecar")
    assert "elsewhere" not in texts["name"]
    assert indexed._session.catalogue.roots.excludes(indexed.status().roots[0]) == ["*.gif"]


def test_all_roots_below_a_folder(library: Library, tmp_path: Path) -> None:
    for name in ("a", "b", "other"):
        paint(tmp_path / f"old/{name}/x.png", (len(name), 7, ord(name[0])))
    for folder in ("old/a", "old/b"):
        library.add(tmp_path / folder)
    paint(tmp_path / "old-fashioned/y.png", "red")
    library.add(tmp_path / "old-fashioned")
    done = library.relocate(tmp_path / "old", tmp_path / "new")
    assert {each.new for each in done.folders} == {str(tmp_path / "new/a"), str(tmp_path / "new/b")}
    assert (done.files, done.found) == (2, 0)
    roots = {root.path: root.missing for root in library.status().roots}
    assert roots == {
        str(tmp_path / "new/a"): True,
        str(tmp_path / "new/b"): True,
        str(tmp_path / "old-fashioned"): False,
    }


def test_a_part_of_a_folder(indexed: Library, pictures: Path, tmp_path: Path) -> None:
    (pictures / "deep/blue.txt").write_text("the sea")
    indexed.add()
    indexed.remove(pictures / "deep/down/yellow.png")
    new = tmp_path / "drive"
    shutil.move(pictures / "deep", new)
    done = indexed.relocate(pictures / "deep", new)
    assert (done.files, done.found) == (1, 1)
    assert str(new / "blue.png") in paths(indexed)
    unread(indexed)
    assert str(new / "down/yellow.png") not in paths(indexed), "it was removed, and stays out"
    image = indexed.image_at(new / "blue.png")
    assert image is not None
    assert "the sea" in {row.text for row in indexed.texts.of(image.id)}


def test_a_folder_renamed_within_its_root(indexed: Library, pictures: Path) -> None:
    (pictures / "deep").rename(pictures / "sea")
    done = indexed.relocate(pictures / "deep", pictures / "sea")
    assert (done.files, done.found) == (2, 2)
    assert len(indexed.status().roots) == 1
    unread(indexed)
    assert str(pictures / "sea/down/yellow.png") in paths(indexed)


@pytest.mark.parametrize("old", ["D:", "D:\\", "d:/", "D:\\Fotos", "d:\\fotos\\"])
def test_drive_letters(library: Library, pictures: Path, old: str) -> None:
    library.add(pictures)
    # A library of Windows: paths have backslashes, those below a root have slashes.
    db = library._session.catalogue._db
    db.rows("UPDATE roots SET path = ?", ("D:\\Fotos",))
    whole = len(old) > 3
    done = library.relocate(old, pictures if whole else pictures.parent)
    if whole:
        assert done.found == 4
        unread(library)
    else:
        assert library.status().roots[0].path == str(pictures.parent / "Fotos")


def test_to_a_windows_path(library: Library, pictures: Path) -> None:
    library.add(pictures)
    library.relocate(pictures.parent, "E:\\All")
    assert library.status().roots[0].path == "E:\\All\\pictures"
    library.relocate("e:\\all", pictures.parent)
    unread(library)


def test_a_spelling_that_looks_the_same(library: Library, tmp_path: Path) -> None:
    paint(tmp_path / unicodedata.normalize("NFD", "Märchen/x.png"), "red")
    library.add(tmp_path / "Märchen")
    os.rename(tmp_path / unicodedata.normalize("NFD", "Märchen"), tmp_path / "tales")
    assert library.relocate(tmp_path / "Märchen", tmp_path / "tales").found == 1


def test_examples_of_concepts_outside_the_library(
    indexed: Library, pictures: Path, tmp_path: Path
) -> None:
    paint(pictures / "skipped/example.png", (250, 3, 9))
    example = str(pictures / "skipped/example.png")
    indexed.concepts.learn("warm", [example], [str(pictures / "deep/blue.png")])
    shutil.move(pictures, tmp_path / "moved")
    indexed.relocate(pictures, tmp_path / "moved")
    like = indexed.concepts.named("warm").like
    assert like == (str(tmp_path / "moved/skipped/example.png"),)
    indexed.concepts.learn("warm")


@pytest.fixture
def two(library: Library, tmp_path: Path) -> Library:
    for name in ("a", "b"):
        paint(tmp_path / f"{name}/same.png", (ord(name), 0, 0))
        paint(tmp_path / f"{name}/sub/{name}.png", (ord(name), 9, 9))
        library.add(tmp_path / name)
    return library


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a", "b"),  # two roots at one place
        ("a", "b/sub"),  # over the files of another root
        ("a/sub", "b"),
        ("a/sub", "b/sub"),
        ("a/sub", "a/same.png"),
        ("nowhere", "c"),
        ("a/none", "c"),
        ("a", "a"),
    ],
)
def test_conflicts_change_nothing(two: Library, tmp_path: Path, old: str, new: str) -> None:
    before = paths(two), two.status()
    with pytest.raises(LibraryError) as caught:
        two.relocate(tmp_path / old, tmp_path / new)
    assert caught.value.hint
    assert (paths(two), two.status()) == before


def test_a_root_above_another_with_its_files(library: Library, tmp_path: Path) -> None:
    paint(tmp_path / "all/sub/x.png", "red")
    library.add(tmp_path / "all")
    paint(tmp_path / "new/sub/y.png", "blue")
    library.add(tmp_path / "new/sub")
    with pytest.raises(LibraryError):
        library.relocate(tmp_path / "all", tmp_path / "new")


def test_moved_duplicates_come_back_at_the_new_path(
    library: Library, pictures: Path, tmp_path: Path
) -> None:
    (pictures / "again").mkdir()
    shutil.copy(pictures / "red.png", pictures / "again/red.png")
    library.add(pictures)
    aside = tmp_path / "aside"
    log = Path(library.duplicates.new_log())
    (moved,) = library.duplicates.move(library.duplicates.find().groups, aside, str(log))
    assert isinstance(moved, Moved)
    with open(log, "ab") as file:
        file.write(b'\n{"n": 9, "step": "beg')  # cut short by a crash
    new = pictures.rename(tmp_path / "elsewhere")
    before = log.read_bytes()
    library.relocate(pictures, new, dry_run=True)
    assert log.read_bytes() == before
    library.relocate(pictures, new)
    assert log.read_bytes().endswith(b'{"n": 9, "step": "beg')
    (back,) = library.duplicates.undo(log)
    assert isinstance(back, Moved)
    assert back.source.startswith(str(aside))
    assert sorted(path.name for path in new.rglob("red.png")) == ["red.png"] * 2
