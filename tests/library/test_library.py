"""The handle: making, opening, asking, and who may write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import (
    Library,
    LibraryBusy,
    LibraryError,
    LibraryNotFound,
    LibraryTooNew,
    ModelMismatch,
    PictureError,
    QueryError,
)
from retrieval.folder.locking import writer_lock

Names = Callable[..., list[str]]


@pytest.fixture
def filled(library: Library, pictures: Path) -> Library:
    library.add(pictures)
    return library


@pytest.mark.parametrize("number", [99, 2**63 - 1, 2**63, 10**30])
def test_a_picture_of_any_number_is_not_there(filled: Library, number: int) -> None:
    assert filled.image(number) is None
    with pytest.raises(QueryError, match=str(number)):
        filled.search("red", like=[number])


def test_a_folder_without_a_library(tmp_path: Path) -> None:
    with pytest.raises(LibraryNotFound, match="no library in"):
        Library.open(tmp_path)
    assert not Library.exists(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_library_is_not_made_twice(library: Library) -> None:
    with pytest.raises(LibraryError, match="is a library already"):
        Library.create(library.path, FakeEncoder())


def test_killed_while_it_was_made_it_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            Library.create(tmp_path / "l", FakeEncoder())
    assert not Library.exists(tmp_path / "l")
    with Library.create(tmp_path / "l", FakeEncoder()) as library:
        assert library.status().counts.files == 0


def test_reopened_it_gives_the_same_answers(filled: Library, names: Names) -> None:
    with Library.open(filled.path, FakeEncoder()) as again:
        assert names(again, "yellow") == names(filled, "yellow")
        assert again.model == filled.model


def test_another_model_is_refused(filled: Library) -> None:
    with pytest.raises(ModelMismatch, match="has changed since"):
        Library.open(filled.path, FakeEncoder("fake-2"))


def test_a_catalogue_of_a_newer_version_is_refused(filled: Library) -> None:
    path = os.path.join(filled.path, "catalogue.sqlite")
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LibraryTooNew, match="schema 99"):
        Library.open(filled.path)


def test_a_damaged_catalogue_is_named(tmp_path: Path) -> None:
    (tmp_path / "catalogue.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(LibraryError, match=r"catalogue\.sqlite is not a catalogue"):
        Library.open(tmp_path)


def test_one_writer_at_a_time_and_readers_meanwhile(
    filled: Library, pictures: Path, names: Names
) -> None:
    with writer_lock(filled.path):
        with pytest.raises(LibraryBusy, match=f"process {os.getpid()} on"):
            filled.add(pictures)
        with pytest.raises(LibraryBusy):
            filled.remove(pictures)
        assert names(filled, "red", 1) == ["red.png"]
    filled.add(pictures)


def test_a_reader_follows_a_writer(filled: Library, pictures: Path, names: Names) -> None:
    with Library.open(filled.path, FakeEncoder()) as reader:
        assert len(names(reader, "white")) == 4
        paint(pictures / "white.png", "white")
        filled.add(pictures)
        assert names(reader, "white", 1) == ["white.png"]
        os.remove(pictures / "white.png")
        filled.add(pictures)
        assert "white.png" not in names(reader, "white")


def test_hits_carry_what_is_known(filled: Library, pictures: Path) -> None:
    result = filled.search("green", 2)
    first = result.hits[0]
    assert (result.searched, len(result.hits)) == (4, 2)
    assert first.path == str(pictures / "green.png")
    assert (first.rank, result.hits[1].rank) == (1, 2)
    assert (first.format, first.width, first.height) == ("PNG", 24, 16)
    assert first.size == os.path.getsize(first.path)
    assert first.mtime_ns == os.stat(first.path).st_mtime_ns
    assert first.score > 0.99 > result.hits[1].score


def test_scores_are_cosines(filled: Library, encoder: FakeEncoder) -> None:
    text = encoder.encode_texts(["yellow"])[0]
    hits = filled.search("yellow", look_in="pictures").hits
    by_name = {os.path.basename(hit.path): hit.score for hit in hits}
    for colour in ("red", "green", "blue", "yellow"):
        own = encoder.encode_texts([colour])[0]
        assert by_name[f"{colour}.png"] == pytest.approx(float(own @ text), abs=1e-3)


def test_searching_with_a_picture_that_is_indexed(
    filled: Library, pictures: Path, names: Names, encoder: FakeEncoder
) -> None:
    encoded = encoder.images_encoded
    assert names(filled, pictures / "red.png", 1) == ["yellow.png"]
    assert names(filled, pictures / "red.png", 1, include_self=True) == ["red.png"]
    assert names(filled, (pictures / "red.png").read_bytes(), 1) == ["yellow.png"]
    assert len(names(filled, pictures / "red.png")) == 3
    assert encoder.images_encoded == encoded, "its vector is known"


def test_searching_with_a_picture_from_elsewhere(
    filled: Library, tmp_path: Path, names: Names
) -> None:
    stranger = paint(tmp_path / "stranger.jpg", (250, 5, 5))
    assert names(filled, stranger, 1) == ["red.png"]
    with Image.open(stranger) as image:
        assert names(filled, image, 1) == ["red.png"]
        assert names(filled, np.asarray(image), 1) == ["red.png"]


def test_searching_with_an_embedding(filled: Library, names: Names, encoder: FakeEncoder) -> None:
    assert names(filled, 17.0 * encoder.encode_texts(["blue"])[0], 1) == ["blue.png"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        (np.zeros(4, np.float32), "length zero"),
        (np.ones(5, np.float32), "5 numbers"),
        (np.ones(4, np.int64), "int64"),
        (np.ones((4, 4), np.uint8), "neither a picture nor an embedding"),
        (np.ones((4, 4, 3), np.float32), "neither a picture nor an embedding"),
    ],
)
def test_questions_that_cannot_be_asked(filled: Library, query: object, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        filled.search(query)  # type: ignore[arg-type]


def test_pictures_that_cannot_be_asked_with(filled: Library, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"missing\.jpg cannot be used: no such file"):
        filled.search(tmp_path / "missing.jpg")
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"nonsense")
    with pytest.raises(PictureError, match=r"bad\.jpg cannot be used"):
        filled.search(bad)


def test_a_smaller_k_is_a_prefix(filled: Library, names: Names) -> None:
    longest = names(filled, "red blue", 10)
    for k in range(1, 5):
        assert names(filled, "red blue", k) == longest[:k]


def test_status(filled: Library, pictures: Path) -> None:
    (pictures / "bad.png").write_bytes(b"x")
    (pictures / "a.psd").write_bytes(b"x")
    filled.add()
    status = filled.status()
    assert (status.counts.files, status.counts.images) == (4, 4)
    assert (status.counts.problems, status.counts.unsupported) == (2, 1)
    assert status.counts.damaged == 1
    assert [root.path for root in status.roots] == [str(pictures)]
    assert status.disk_bytes > 10_000


def test_a_full_disk_is_named_and_nothing_is_lost(filled: Library, pictures: Path) -> None:
    pages = filled._session.catalogue._db.one("PRAGMA page_count")
    filled._session.catalogue._db.rows(f"PRAGMA max_page_count = {pages}")
    for number in range(200):
        paint(pictures / f"more/{number}.png", (number, 255 - number, 7))
    with pytest.raises(LibraryError, match="full"):
        filled.add()
    filled._session.catalogue._db.rows("PRAGMA max_page_count = 1000000")
    filled.add()
    assert filled.status().counts.files == 204


def test_a_picture_by_its_path_without_a_look_at_the_disk(
    filled: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blue = pictures / "deep/blue.png"
    blue.unlink()
    monkeypatch.chdir(pictures)
    for path in (blue, "deep/../deep/blue.png"):
        found = filled.image_at(path)
        assert found is not None
        assert found.paths == (str(blue),)
    for path in (pictures, pictures / "deep", pictures / "grey.png", "/nowhere/a.png"):
        assert filled.image_at(path) is None
