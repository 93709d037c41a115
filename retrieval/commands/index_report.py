"""What an indexing run prints: a progress line on a terminal, lines in a pipe, a summary."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType

from retrieval.commands.terminal import home_relative, plural, say, shown
from retrieval.folder.status import Status
from retrieval.indexing.progress import Progress

_LINES_EVERY_S = 10.0
_RATE_OVER_S = 20.0
_PROBLEMS_SHOWN = 10
_FOLDERS_NAMED = 3

STOPPED = "Stopped. Finished work is saved; run the same command to continue."


def run_shown(work: Callable[[threading.Event], Iterator[Progress]]) -> Progress:
    """Run an indexing job with its progress on screen; return the last record.

    The first Ctrl-C asks it to stop after the batch in flight, the second interrupts at once.
    """
    with stop_on_interrupt() as stop, Display() as display:
        progress: Progress | None = None
        for progress in work(stop):
            display.show(progress)
    assert progress is not None
    return progress


@contextmanager
def stop_on_interrupt(
    doing: str = "Stopping after the current batch.",
) -> Iterator[threading.Event]:
    """Give an event that the first Ctrl-C sets; the second ends the process at once."""
    stop = threading.Event()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            # Exit at once, even if something hangs: each batch is either committed or not begun.
            os._exit(130)
        stop.set()
        say(f"\n{doing} Press Ctrl-C again to stop at once.", error=True)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Display:
    """Shows progress on standard error; standard output is kept for the summary."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._rates = _Rates()
        self._last_line = time.monotonic()
        self._width = 0

    def show(self, progress: Progress) -> None:
        """Draw one record."""
        if progress.phase == "done":
            return
        self._rates.note(progress)
        if self._live:
            line = self._line(progress)
            padding = " " * max(self._width - len(line), 0)
            self._width = len(line)
            sys.stderr.write(f"\r{line}{padding}")
            sys.stderr.flush()
        elif progress.phase == "calibrate" or time.monotonic() - self._last_line > _LINES_EVERY_S:
            self._last_line = time.monotonic()
            say(self._line(progress), error=True)

    def _line(self, progress: Progress) -> str:
        tally = progress.tally
        if progress.phase == "scan":
            return f"Scanning: {plural(tally.found, 'picture')} found"
        if progress.phase == "calibrate":
            return "Calibrating the model on some of these pictures, once. This can take minutes."
        left = tally.pending - tally.handled
        if not left:
            return "Finishing …"
        files, images = self._rates.files(), self._rates.images()
        eta = f", {duration(left / files)} left" if files else ""
        share = 100 * tally.handled // max(tally.pending, 1)
        return (
            f"{share:3d} %  {tally.handled:,} of {tally.pending:,} files "
            f"({files:.0f} files/s, {images:.0f} pictures encoded/s{eta})"
        )

    def clear(self) -> None:
        """Clear the progress line."""
        if self._live and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()


class _Rates:
    """Files and images a second over the last while."""

    def __init__(self) -> None:
        self._points: list[tuple[float, int, int]] = []

    def note(self, progress: Progress) -> None:
        now = progress.seconds
        self._points.append((now, progress.tally.handled, progress.tally.encoded))
        while len(self._points) > 2 and self._points[1][0] < now - _RATE_OVER_S:
            self._points.pop(0)

    def files(self) -> float:
        return self._rate(1)

    def images(self) -> float:
        return self._rate(2)

    def _rate(self, column: int) -> float:
        first, last = self._points[0], self._points[-1]
        return float((last[column] - first[column]) / max(last[0] - first[0], 0.001))


def summary(progress: Progress, status: Status, paths: Sequence[str] = ()) -> Iterator[str]:
    """Yield the summary of a run over paths: what happened, what failed, what to do.

    Without paths the run was over all folders of the library.
    """
    yield _headline(progress, paths or [root.path for root in status.roots])
    if progress.stopped:
        yield STOPPED
    for trouble in progress.missing:
        yield (
            f"Unavailable: {shown(home_relative(trouble.path))} ({trouble.reason}). Its pictures "
            f"stay searchable. To remove them: pixtrieve remove {shown(shlex.quote(trouble.path))}"
        )
    for trouble in progress.unreadable:
        yield f"Can't read: {shown(home_relative(trouble.path))} ({trouble.reason})"
    yield from problem_lines(progress)
    counts = status.counts
    yield (
        f"The library has {plural(counts.images, 'picture')} in {plural(counts.files, 'file')}"
        f" ({shown(home_relative(status.path))})."
    )


def _headline(progress: Progress, paths: Sequence[str]) -> str:
    tally = progress.tally
    nothing = not (tally.found or tally.removed or progress.stopped)
    if nothing and not paths:
        return "The library has no folders yet. Add one: pixtrieve index FOLDER"
    if nothing and not (progress.missing or progress.unreadable):
        return f"No pictures found in {_named(paths)}."
    changes = ", ".join(_changes(progress))
    new = plural(tally.encoded, "new picture")
    if progress.stopped and tally.handled < tally.pending:
        new = f"{tally.encoded:,} of {plural(tally.pending, 'new or changed file')}"
    return f"Indexed {new} in {duration(progress.seconds)}" + (f" ({changes})" if changes else "")


def _named(paths: Sequence[str]) -> str:
    if len(paths) > _FOLDERS_NAMED:
        return plural(len(paths), "folder")
    return ", ".join(shown(home_relative(path)) for path in paths)


def _changes(progress: Progress) -> Iterator[str]:
    tally = progress.tally
    for count, what in (
        (tally.found - tally.pending, "unchanged"),
        (tally.described, "with new descriptions"),
        (tally.reused, "moved or copied"),
        (tally.removed, "gone"),
        (tally.bad, "damaged"),
        (tally.unsupported, "unsupported"),
        (tally.transient, "to retry"),
    ):
        if count:
            yield f"{count:,} {what}"


def problem_lines(progress: Progress) -> Iterator[str]:
    """Yield the first files that a run could not use, and the command that lists all of them."""
    for trouble in progress.problems[:_PROBLEMS_SHOWN]:
        yield f"  {shown(home_relative(trouble.path))}: {shown(trouble.reason)}"
    more = len(progress.problems) - _PROBLEMS_SHOWN
    if more > 0:
        yield f"  and {more:,} more"
    tally = progress.tally
    if tally.bad or tally.unsupported:
        yield "To list all files that could not be used: pixtrieve status --problems"


def duration(seconds: float) -> str:
    """Return a time for people: 1.2 s, 34 s, 5 min, 2.1 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
