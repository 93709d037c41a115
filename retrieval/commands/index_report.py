"""What an indexing run prints: a progress line on a terminal, lines in a pipe, a summary."""

from __future__ import annotations

import os
import shlex
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType

import click

from retrieval.commands.progress_line import Pace, ProgressLine, duration
from retrieval.commands.terminal import home_relative, plural, say, shown
from retrieval.folder.status import Status
from retrieval.indexing.progress import Progress

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
    """Shows the progress of an indexing run on standard error."""

    def __init__(self) -> None:
        self._line = ProgressLine()
        self._files, self._images = Pace(), Pace()

    def show(self, progress: Progress) -> None:
        """Draw one record."""
        if progress.phase == "done":
            return
        self._files.note(progress.tally.handled)
        self._images.note(progress.tally.encoded)
        finishing = progress.phase == "encode" and progress.tally.handled == progress.tally.pending
        if finishing and not self._line.live:  # a line that stays would say nothing
            return
        self._line.show(self._text(progress), always=progress.phase == "calibrate")

    def _text(self, progress: Progress) -> str:
        tally = progress.tally
        if progress.phase == "scan":
            return f"Scanning: {plural(tally.found, 'picture')} found"
        if progress.phase == "calibrate":
            return "Calibrating the model on some of these pictures, once. This can take minutes."
        left = tally.pending - tally.handled
        if not left:
            return "Finishing …"
        share = 100 * tally.handled // max(tally.pending, 1)
        return (
            f"{share:3d} %  {tally.handled:,} of {tally.pending:,} files "
            f"({self._files.rate:.0f} files/s, {self._images.rate:.0f} pictures encoded/s"
            f"{self._files.left(left)})"
        )

    def clear(self) -> None:
        """Clear the progress line."""
        self._line.clear()

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()


def summary(progress: Progress, status: Status, paths: Sequence[str] = ()) -> Iterator[str]:
    """Yield the summary of a run over paths: what happened, what failed, what to do.

    Without paths the run was over all folders of the library.
    """
    yield _headline(progress, paths or [root.path for root in status.roots])
    if progress.stopped:
        yield STOPPED
    for trouble in progress.missing:
        label = _warned("Unavailable:")
        yield (
            f"{label} {shown(home_relative(trouble.path))} ({trouble.reason}). Its pictures "
            f"stay searchable. To remove them: pixtrieve remove {shown(shlex.quote(trouble.path))}"
        )
    for trouble in progress.unreadable:
        label = _warned("Can't read:")
        yield f"{label} {shown(home_relative(trouble.path))} ({trouble.reason})"
    yield from problem_lines(progress)
    counts = status.counts
    yield (
        f"The library has {plural(counts.images, 'picture')} in {plural(counts.files, 'file')}"
        f" ({shown(home_relative(status.path))})."
    )


def _warned(label: str) -> str:
    return click.style(label, fg="yellow")


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
    if tally.unread_videos:
        yield (
            f"To index {plural(tally.unread_videos, 'video')} as well: pip install "
            "'pixtrieve[video]', then run this again"
        )
    if tally.bad or tally.unsupported:
        yield "To list all files that could not be used: pixtrieve status --problems"
