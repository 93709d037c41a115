"""The cache file may be deleted, damaged, old or another library's: answers stay the same."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.fakes import FakeEncoder
from support.painting import paint

import retrieval.stores.live_index
from retrieval import Library, SearchResult
from retrieval.stores.cache_file import read_header


@pytest.fixture
def filled(library: Library, tmp_path: Path) -> Library:
    for number in range(40):
        paint(tmp_path / f"p/{number:02}.png", (number * 6, 255 - number * 6, 40))
    library.add(tmp_path / "p")
    return library


def cache_of(library: Library) -> str:
    folder = os.path.join(library.path, "cache")
    (name,) = os.listdir(folder)
    return os.path.join(folder, name)


def ask(library: Library) -> SearchResult:
    with Library.open(library.path, FakeEncoder()) as fresh:
        return fresh.search("red", 15)


def test_a_deleted_cache_is_made_again(filled: Library) -> None:
    before = ask(filled)
    path = cache_of(filled)
    os.remove(path)
    assert ask(filled) == before
    assert read_header(path) is not None
    shutil.rmtree(os.path.dirname(path))
    assert ask(filled) == before


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty"])
def test_a_damaged_cache_is_made_again(filled: Library, damage: str) -> None:
    before = ask(filled)
    path = cache_of(filled)
    with open(path, "r+b") as file:
        if damage == "garbage":
            file.write(b"\xff" * 64)
        else:
            file.truncate(os.path.getsize(path) // 2 if damage == "cut" else 0)
    assert ask(filled) == before


def test_an_old_cache_is_brought_up_to_date(filled: Library, tmp_path: Path) -> None:
    path = cache_of(filled)
    old = Path(path).read_bytes()
    paint(tmp_path / "p/new.png", (255, 0, 0))
    os.remove(tmp_path / "p/39.png")
    paint(tmp_path / "p/38.png", (0, 0, 255))
    filled.add()
    fresh = ask(filled)
    assert os.path.basename(fresh.hits[0].path) == "new.png"
    Path(path).write_bytes(old)
    stale = ask(filled)
    assert [hit.path for hit in stale.hits] == [hit.path for hit in fresh.hits]
    assert stale.searched == fresh.searched == 40


def test_newer_and_removed_rows_are_answered_without_writing(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval.stores.live_index, "_SMALL", 0)
    monkeypatch.setattr(retrieval.stores.live_index, "_WORTH_SHARE", 0.5)
    path = cache_of(filled)
    generation = read_header(path).generation  # type: ignore[union-attr]
    paint(tmp_path / "p/new.png", (255, 0, 0))
    os.remove(tmp_path / "p/39.png")
    os.rename(tmp_path / "p/38.png", tmp_path / "p/renamed.png")
    filled.add()
    assert read_header(path).generation == generation  # type: ignore[union-attr]
    names = [os.path.basename(hit.path) for hit in ask(filled).hits]
    assert names[:3] == ["new.png", "renamed.png", "37.png"]
    assert "39.png" not in names


def test_many_changes_are_worth_a_new_file(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval.stores.live_index, "_FRESH_ROWS", 3)
    monkeypatch.setattr(retrieval.stores.live_index, "_SMALL", 0)
    monkeypatch.setattr(retrieval.stores.live_index, "_WORTH_SHARE", 9.0)
    path = cache_of(filled)
    before = read_header(path)
    for number in range(8):
        paint(tmp_path / f"p/more{number}.png", (255, number, 0))
    filled.add()
    ask(filled)
    assert read_header(path) != before
    assert read_header(path).count == 48  # type: ignore[union-attr]


def test_a_cache_of_another_library_is_not_believed(filled: Library, tmp_path: Path) -> None:
    with Library.create(tmp_path / "other", FakeEncoder()) as other:
        paint(tmp_path / "q/a.png", "blue")
        other.add(tmp_path / "q")
        before = ask(filled)
        shutil.copy(cache_of(other), cache_of(filled))
    assert ask(filled) == before


def test_a_catalogue_restored_from_a_backup_is_believed(filled: Library, tmp_path: Path) -> None:
    filled.close()
    before = ask(filled)
    shutil.copytree(filled.path, tmp_path / "backup")
    with Library.open(filled.path, FakeEncoder()) as library:
        paint(tmp_path / "p/new.png", (255, 0, 0))
        library.add()
        library.close()
    catalogue = os.path.join(filled.path, "catalogue.sqlite")
    shutil.copy(tmp_path / "backup/catalogue.sqlite", catalogue)
    for suffix in ("-wal", "-shm"):
        if os.path.exists(catalogue + suffix):
            os.remove(catalogue + suffix)
    assert ask(filled) == before


def test_a_cache_that_cannot_be_written_costs_no_answer(
    filled: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = ask(filled)
    os.remove(cache_of(filled))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    assert ask(filled) == before
    assert "could not be written" in caplog.text


def test_answers_equal_the_brute_force_over_the_export(filled: Library) -> None:
    rows = list(filled.images())
    vectors = np.stack([np.frombuffer(blob, "<f2").astype(np.float32) for _, blob in rows])
    query = FakeEncoder().encode_texts(["red"])[0]
    order = np.argsort(-(vectors @ query), kind="stable")[:15]
    assert [hit.id for hit in ask(filled).hits] == [rows[i][0].id for i in order]
