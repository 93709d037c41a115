"""Pictures whose names have no picture's ending are found by their content, and only once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import pytest
from support.painting import paint

from retrieval import Library
from retrieval.images.decoding import open_file

NAMES = ("noext", "x.insp", "x.jpg_large", "x.thm", "clip.mp3", "x.jpg.part", "words.txt", "é.x")


@pytest.fixture
def others(tmp_path: Path) -> Path:
    folder = tmp_path / "others"
    for number, name in enumerate(NAMES):
        paint(folder / "made.png", (10 * number, 200, 50)).rename(folder / name)
    (folder / "letter").write_text("BM, dear, this is no picture")
    (folder / ".hidden").write_bytes((folder / "noext").read_bytes())
    (folder / "empty").touch()
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose first bytes were read."""
    seen: list[str] = []

    def noted(path: str) -> IO[bytes]:
        seen.append(os.path.basename(path))
        return open_file(path)

    monkeypatch.setattr("retrieval.images.sniffing.open_file", noted)
    return seen


def found(library: Library) -> set[str]:
    return {os.path.basename(path) for image, _ in library.images() for path in image.paths}


def test_the_content_decides_and_is_looked_at_once(
    library: Library, others: Path, opened: list[str]
) -> None:
    assert library.add(others).tally.encoded == len(NAMES)
    assert found(library) == set(NAMES)
    assert sorted(opened) == sorted([*NAMES, "letter"])
    opened.clear()
    assert library.add().tally.pending == 0
    assert opened == []


def test_a_changed_file_is_looked_at_again(
    library: Library, others: Path, opened: list[str]
) -> None:
    library.add(others)
    opened.clear()
    os.replace(others / "noext", others / "letter")
    (others / "x.insp").write_text("no picture any more")
    assert library.add().tally.removed == 2
    assert sorted(opened) == ["letter", "x.insp"]
    assert found(library) == {*NAMES, "letter"} - {"noext", "x.insp"}


def test_what_is_gone_is_no_longer_remembered(library: Library, others: Path) -> None:
    library.add(others)
    count = "SELECT count(*) FROM looked_into"
    db = library._session.catalogue._db
    assert db.one(count) == 1
    (others / "letter").unlink()
    library.add(others / "noext")
    assert db.one(count) == 1, "a run over a part does not see the rest"
    library.add()
    assert db.one(count) == 0


def test_a_picture_without_an_ending_is_indexed_by_its_path(library: Library, others: Path) -> None:
    paths = [others / "noext", others / "letter"]
    done = library.add(paths)
    assert done.tally.encoded == 1
    assert [os.path.basename(each.path) for each in done.problems] == ["letter"]


def test_sidecars_describe_pictures_without_an_ending(library: Library, others: Path) -> None:
    (others / "noext.txt").write_text("quizzaword")
    (others / "x.thm.txt").write_text("quizzaword")
    library.add(others)
    rows = {
        os.path.basename(image.paths[0]): {row.source for row in library.texts.of(image.id)}
        for image, _ in library.images()
    }
    assert "sidecar" in rows["noext"]
    assert "sidecar" in rows["x.thm"]
