"""Progress on standard error: redrawn in a terminal, rare lines elsewhere, honest about time."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from retrieval.commands import progress_line
from retrieval.commands.progress_line import Counter, Pace, ProgressLine, duration


class Stream(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Stream:
    stream = Stream(terminal=True)
    monkeypatch.setattr(progress_line, "sys", SimpleNamespace(stderr=stream))
    return stream


def screen(stream: Stream) -> str:
    """Return the line that a terminal shows after all that was written."""
    line = stream.getvalue().rpartition("\r")[2]
    assert line.endswith("\x1b[K")
    return line.removesuffix("\x1b[K")


def test_a_terminal_shows_the_newest_line(terminal: Stream) -> None:
    clock = Clock()
    with ProgressLine(clock) as line:
        line.show("a long first line")
        clock.now += 1
        line.show("second")
        assert screen(terminal) == "second"
        clock.now += 0.01
        line.show("too soon")
        assert screen(terminal) == "second"
        line.show("at once", always=True)
        assert screen(terminal) == "at once"
    assert screen(terminal) == ""


def test_nothing_is_cleared_where_nothing_was_drawn(terminal: Stream) -> None:
    with ProgressLine(Clock()):
        pass
    assert terminal.getvalue() == ""


def test_elsewhere_a_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    with ProgressLine(clock) as line:
        for second in range(35):
            clock.now = 100.0 + second
            line.show(f"{second}")
    assert capsys.readouterr().err.splitlines() == ["10", "20", "30"]


def test_a_pace_is_that_of_the_last_while() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert (pace.rate, pace.left(10)) == (0.0, "")
    for done in (0, 1000):  # a fast start
        pace.note(done)
        clock.now += 1
    for done in range(1000, 1300, 10):
        clock.now += 1
        pace.note(done)
    assert pace.rate == pytest.approx(10, rel=0.1)
    assert pace.left(200) == ", 20 s left"
    assert pace.left(0) == ""


def test_a_count_names_what_and_how_much(terminal: Stream) -> None:
    with ProgressLine() as line:
        counter = Counter(line, "Read", "pictures")
        counter.show(1200, 5000)
        assert screen(terminal).startswith("Read 1,200 of 5,000 pictures")
        counter.show(5000, 5000)
        assert screen(terminal) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (34.2, "34 s"), (300, "5 min"), (7560, "2.1 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
