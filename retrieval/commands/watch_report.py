"""Prints a line when a watch starts, and one for each run that changed something."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

import click

from retrieval.commands.index_report import problem_lines
from retrieval.commands.progress_line import duration
from retrieval.commands.terminal import home_relative, plural, report, say, shown
from retrieval.indexing.progress import Progress
from retrieval.watching.watcher import Delayed, WatchEvent, Watching, WatchTiming


def watch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--watch` and `--poll`; the command gets `timing`, None without `--watch`."""

    @click.option(
        "--watch",
        is_flag=True,
        help="Keep running and follow changes in the indexed folders, until Ctrl-C. Needs: "
        "pip install 'pixtrieve[watch]'",
    )
    @click.option(
        "--poll",
        metavar="SECONDS",
        type=click.FloatRange(min=1),
        help="With --watch, rescan all folders at this interval. Network drives don't report "
        "changes, so they are rescanned every 5 minutes by default.",
    )
    @wraps(command)
    def gathered(*arguments: Any, watch: bool, poll: float | None, **others: Any) -> Any:
        if poll is not None and not watch:
            raise click.UsageError("--poll needs --watch.")
        return command(*arguments, timing=WatchTiming(poll=poll) if watch else None, **others)

    return gathered


class WatchReport:
    """Prints what a watch does, and each problem once; `ending` says how to stop it."""

    def __init__(self, ending: str = "") -> None:
        self._ending = ending
        self._said: Watching | None = None
        self._absent: set[str] = set()
        self._unseen: set[str] = set()
        self._delay = ""

    def begin(self, progress: Progress) -> None:
        """Note what the summary of the first run has already reported."""
        self._absent = {trouble.path for trouble in progress.missing}
        self._unseen = {trouble.path for trouble in progress.unreadable}

    def show(self, event: WatchEvent) -> None:
        """Print an event if it has anything new."""
        if isinstance(event, Delayed):
            self._show_delay(event)
            return
        lines = self._status(event) if isinstance(event, Watching) else self._done(event)
        for line in lines:
            say(line)

    def _show_delay(self, delayed: Delayed) -> None:
        error = delayed.error
        if error.message != self._delay:
            self._delay = error.message
            report(error)
            after = "Watching has stopped."
            if delayed.seconds is not None:
                after = f"Retrying in {duration(delayed.seconds)}. No changes are lost."
            say(after, error=True)

    def _status(self, watching: Watching) -> Iterator[str]:
        before, self._said = self._said, watching
        if before is None or before.folders != watching.folders:
            yield f"Watching {plural(len(watching.folders), 'folder')}. {self._ending}".rstrip()
        if before is not None:
            for path in sorted(set(before.absent) - set(watching.absent)):
                yield f"Available again: {shown(home_relative(path))}"
        yield from self._missing(dict.fromkeys(watching.absent, ""))
        self._absent &= set(watching.absent)
        if before is not None and before.polled == watching.polled:
            return
        if watching.reason:
            yield f"Not all changes are reported: {shown(watching.reason)}."
            if watching.hint:
                yield f"  To fix this, {watching.hint}"
        for path, seconds in watching.polled:
            rescanned = f"{shown(home_relative(path))} is rescanned every {duration(seconds)}."
            yield (
                f"  Until then, {rescanned}"
                if watching.reason
                else f"Network drives don't report changes, so {rescanned}"
            )

    def _done(self, progress: Progress) -> Iterator[str]:
        if progress.phase != "done":
            return
        self._delay = ""
        changes = ", ".join(_changes(progress))
        if changes:
            yield f"{time.strftime('%H:%M')}  {changes}"
            yield from problem_lines(progress)
        yield from self._missing({trouble.path: trouble.reason for trouble in progress.missing})
        unseen = {trouble.path: trouble.reason for trouble in progress.unreadable}
        for path in sorted(unseen.keys() - self._unseen):
            yield f"Can't read: {shown(home_relative(path))} ({unseen[path]})"
        self._unseen |= unseen.keys()

    def _missing(self, missing: Mapping[str, str]) -> Iterator[str]:
        for path in sorted(missing.keys() - self._absent):
            reason = f" ({missing[path]})" if missing[path] else ""
            yield (
                f"Unavailable: {shown(home_relative(path))}{reason}. Its pictures stay searchable."
            )
        self._absent |= missing.keys()


def _changes(progress: Progress) -> Iterator[str]:
    tally = progress.tally
    found = tally.encoded or tally.reused
    for count, what in (
        (tally.encoded, "new"),
        (tally.reused, "moved or copied"),
        (tally.removed, "gone"),
        (0 if found else tally.texts_updated, "with changed texts"),
        (tally.bad, "damaged"),
        (tally.unsupported, "unsupported"),
    ):
        if count:
            yield f"{count:,} {what}"
