"""Videos in data sets are named as left out, whatever their names, and cost nothing else."""

from __future__ import annotations

from pathlib import Path

from support.data_sets import encode, merge
from support.fakes import FakeEncoder
from support.painting import paint
from support.videos import make_video

from retrieval import Library


def test_videos_are_left_out(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    paint(folder / "red.png", "red")
    make_video(folder / "clip.mp4", (("green", 1),))
    make_video(folder / "hidden.mp4", (("blue", 1),)).rename(folder / "hidden.jpg")
    encode(FakeEncoder(), tmp_path / "out", folder)
    merge(library, tmp_path / "out")
    assert [Path(hit.path).name for hit in library.search("red")] == ["red.png"]
    reasons = {Path(row.path).name: row.reason for row in library.problems()}
    assert reasons.keys() == {"clip.mp4", "hidden.jpg"}
    assert all("left out" in reason for reason in reasons.values())
