"""An encoder that wants to see pictures first is shown some, from all over what it will encode."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library
from retrieval.errors import MissingExtra
from retrieval.evaluation.captions import CaptionedPicture, evaluate_pictures
from retrieval.indexing.calibration import _spread
from retrieval.indexing.progress import IndexOptions


class Curious(FakeEncoder):
    """Wants to see `wanted` pictures, as long as it has been shown fewer than `enough`."""

    def __init__(self, wanted: int = 3, enough: int = 1) -> None:
        super().__init__()
        self.wanted, self.enough = wanted, enough
        self.shown: list[NDArray[np.uint8]] = []
        self.encoded_before: list[int] = []

    def pictures_wanted(self) -> int:
        satisfied = self.shown and len(self.shown[-1]) >= self.enough
        return 0 if satisfied else self.wanted

    def calibrate(self, pixels: NDArray[np.uint8]) -> None:
        self.shown.append(pixels)
        self.encoded_before.append(self.images_encoded)


def folder_of(tmp_path: Path, name: str, count: int) -> Path:
    """Paint pictures whose red says where in the folder they are."""
    for number in range(count):
        paint(tmp_path / name / f"{number:03}.png", (number, 0, 0))
    return tmp_path / name


def test_it_sees_pictures_before_it_encodes_the_first(tmp_path: Path) -> None:
    encoder = Curious(wanted=5)
    folder = folder_of(tmp_path, "pictures", 40)
    (folder / "010.png").write_bytes(b"no picture")
    with Library.create(tmp_path / "library", encoder) as library:
        phases = [progress.phase for progress in library.iter_index([folder])]
        assert library.status().counts.images == 39
    (shown,) = encoder.shown
    assert shown.shape == (5, 8, 8, 3)
    assert shown[:, 0, 0, 0].tolist() == [0, 8, 16, 24, 32]
    assert encoder.encoded_before == [0]
    assert phases.count("calibrate") == 1


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    encoder = Curious(wanted=4)
    folder = folder_of(tmp_path, "pictures", 4)
    (folder / "001.png").write_bytes(b"no picture")
    with Library.create(tmp_path / "library", encoder) as library:
        library.add(folder)
    assert [len(shown) for shown in encoder.shown] == [3]


def test_a_second_run_shows_nothing(tmp_path: Path) -> None:
    encoder = Curious()
    folder = folder_of(tmp_path, "pictures", 6)
    with Library.create(tmp_path / "library", encoder) as library:
        library.add(folder)
        folder_of(tmp_path, "pictures", 8)
        assert "calibrate" not in [progress.phase for progress in library.iter_index([folder])]
    assert len(encoder.shown) == 1


def test_too_few_in_one_folder_are_followed_by_more_of_the_next(tmp_path: Path) -> None:
    encoder = Curious(wanted=10, enough=5)
    few, many = folder_of(tmp_path, "a", 2), folder_of(tmp_path, "b", 20)
    with Library.create(tmp_path / "library", encoder) as library:
        library.add([few, many])
    assert [len(shown) for shown in encoder.shown] == [2, 10]
    assert encoder.encoded_before == [0, 2]


def test_an_encoder_that_wants_nothing_is_shown_nothing(library: Library, pictures: Path) -> None:
    assert "calibrate" not in [progress.phase for progress in library.iter_index([pictures])]


def test_a_missing_package_ends_the_run_before_anything_is_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Curious) -> int:
        raise MissingExtra("nncf", "int8", "calibrating")

    encoder = Curious()
    monkeypatch.setattr(Curious, "pictures_wanted", refuse)
    with Library.create(tmp_path / "library", encoder) as library, pytest.raises(MissingExtra):
        library.add(folder_of(tmp_path, "pictures", 3))
    assert encoder.images_encoded == 0


def test_an_evaluation_calibrates_first(tmp_path: Path) -> None:
    encoder = Curious(wanted=4)
    folder = folder_of(tmp_path, "pictures", 8)
    captioned = [
        CaptionedPicture(os.path.join(folder, name), ("red",)) for name in os.listdir(folder)
    ]
    evaluate_pictures(captioned, encoder, lambda _: None, IndexOptions(), lambda _: None)
    assert [len(shown) for shown in encoder.shown] == [4]
    assert encoder.encoded_before == [0]


@given(total=st.integers(0, 300), count=st.integers(1, 300))
def test_choices_are_spread_evenly(total: int, count: int) -> None:
    chosen = [int(path) for path in _spread(map(str, range(total)), total, count)]
    assert len(chosen) == min(total, count)
    gaps = np.diff([*chosen, total])
    assert chosen[:1] in ([], [0])
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1
