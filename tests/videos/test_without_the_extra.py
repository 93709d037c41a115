"""Without PyAV, videos are counted and named, and read as soon as it is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.painting import paint
from support.videos import make_video

from retrieval import Library
from retrieval.commands.index_report import problem_lines
from retrieval.images import formats


def test_videos_wait_for_their_reader(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    paint(folder / "red.png", "red")
    for name in ("a.mp4", "b.mkv"):
        make_video(folder / name, (("green", 1), ("blue", 1)))
    with monkeypatch.context() as without:
        without.setattr(formats, "can_read", lambda: False)
        done = library.add(folder)
        assert (done.tally.encoded, done.tally.unread_videos, done.tally.bad) == (1, 2, 0)
        assert any("2 videos" in line and "[video]" in line for line in problem_lines(done))
        assert {Path(row.path).name for row in library.problems()} == {"a.mp4", "b.mkv"}
        assert library.add(folder).tally.pending == 0
    again = library.add(folder)
    assert (again.tally.encoded, again.tally.unread_videos) == (2, 0)
    assert not any("[video]" in line for line in problem_lines(again))
    assert not list(library.problems())
