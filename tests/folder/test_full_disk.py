"""A disk that is full, or becomes so: the library is sound or there is none, and nothing is half.

Afterwards, with space, the same command gives the answers of a library that never met a full disk.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from support.fakes import FakeEncoder
from support.full_disks import enlarge, files_of_at_most, small_disk
from support.painting import paint

from retrieval import Library, LibraryError

QUESTIONS = ("red", "green", "blue yellow")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(60):
        colour = (number * 4, 255 - number * 4, number * 2)
        paint(tmp_path / f"many/{number:02}.png", colour)
        (tmp_path / f"many/{number:02}.txt").write_text(f"picture {number} " + "text " * 400)
    return tmp_path / "many"


def answers(library: Library) -> list[list[tuple[str, float]]]:
    return [[(hit.path, hit.score) for hit in library.search(text, 60)] for text in QUESTIONS]


def index(folder: Path, pictures: Path) -> None:
    with Library.open(folder, FakeEncoder(), create=True) as library:
        library.add(pictures)


def tried(folder: Path, pictures: Path) -> str:
    """Try to index; return the hint of the error, or what it should be without one."""
    try:
        index(folder, pictures)
    except LibraryError as error:
        return error.hint
    return "disk space, again"


def is_about_the_disk(hint: str) -> bool:
    return "disk space" in hint and "again" in hint


def require_sound_or_none(folder: Path) -> None:
    path = folder / "catalogue.sqlite"
    if path.exists():
        database = sqlite3.connect(path)
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM models").fetchone() == (1,)
        database.close()
    else:
        assert not [name for name in os.listdir(folder) if name.startswith("catalogue")]


@pytest.fixture
def clean(tmp_path: Path, many: Path) -> list[list[tuple[str, float]]]:
    index(tmp_path / "clean", many)
    with Library.open(tmp_path / "clean", FakeEncoder()) as library:
        return answers(library)


@pytest.mark.parametrize("kilobytes", [0, 1, 30, 100, 180, 210, 240, 270, 300, 330, 400, 500])
def test_the_first_index_with_small_files(
    kilobytes: int, tmp_path: Path, many: Path, clean: list[list[tuple[str, float]]]
) -> None:
    folder = tmp_path / "library"
    with files_of_at_most(kilobytes * 1024):
        hint = tried(folder, many)
        assert is_about_the_disk(hint)
    require_sound_or_none(folder)
    index(folder, many)
    with Library.open(folder, FakeEncoder()) as library:
        assert answers(library) == clean


@pytest.mark.parametrize("kilobytes", [8, 120, 220, 260, 300, 340, 380, 420, 460, 520, 600, 700])
def test_the_first_index_on_a_small_disk(
    kilobytes: int, tmp_path: Path, many: Path, clean: list[list[tuple[str, float]]]
) -> None:
    folder = tmp_path / "disk" / "library"
    with small_disk(tmp_path / "disk", kilobytes):
        hint = tried(folder, many)
        assert is_about_the_disk(hint)
        enlarge(tmp_path / "disk")
        require_sound_or_none(folder)
        index(folder, many)
        with Library.open(folder, FakeEncoder()) as library:
            assert answers(library) == clean


def test_a_question_needs_no_space(
    tmp_path: Path, many: Path, clean: list[list[tuple[str, float]]]
) -> None:
    folder = tmp_path / "clean"
    for path in (folder / "cache").iterdir():
        path.unlink()
    with files_of_at_most(0), Library.open(folder, FakeEncoder()) as library:
        assert answers(library) == clean
        assert library.status().counts.images == 60
        with pytest.raises(LibraryError) as refused:
            library.add(many)
        assert is_about_the_disk(refused.value.hint)
        with pytest.raises(LibraryError) as refused:
            library.remove(many)
        assert is_about_the_disk(refused.value.hint)
    require_sound_or_none(folder)
