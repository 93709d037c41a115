"""How sure an answer is depends on the pictures of a library, not on the runs that indexed them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library
from retrieval.scoring.confidence import ScoreBaselines


def baselines(library: Library) -> tuple[ScoreBaselines, int]:
    session = library._session
    found = session.catalogue.baselines.of(session.model.row.id)
    assert found is not None
    return found


def pictures(folder: Path, numbers: range) -> None:
    for number in numbers:
        paint(folder / f"{number:02}.png", (number * 11 % 256, 255 - number * 9, number * 37 % 256))


def test_pictures_that_come_later_count_like_those_that_were_first(tmp_path: Path) -> None:
    pictures(tmp_path / "p", range(24))
    with Library.create(tmp_path / "at-once", FakeEncoder()) as library:
        library.add(tmp_path / "p")
        right = baselines(library)
    with Library.create(tmp_path / "in-parts", FakeEncoder()) as library:
        os.rename(tmp_path / "p/23.png", tmp_path / "23.png")
        library.add(tmp_path / "p")
        os.rename(tmp_path / "23.png", tmp_path / "p/23.png")
        library.add()  # fewer than a tenth are new
        assert baselines(library) == right


def test_pictures_that_are_replaced_count(tmp_path: Path) -> None:
    with Library.create(tmp_path / "library", FakeEncoder()) as library:
        pictures(tmp_path / "p", range(12))
        library.add(tmp_path / "p")
        before = baselines(library)
        shutil.rmtree(tmp_path / "p")
        pictures(tmp_path / "p", range(12, 24))
        library.add()
        after = baselines(library)
    assert after[1] == before[1] == 12
    assert after != before
