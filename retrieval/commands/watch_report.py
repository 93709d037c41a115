"""How a watch looks: a line when it begins, one for each run that changed something."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

import click

from retrieval.commands.index_report import duration, problem_lines
from retrieval.commands.terminal import home_relative, plural, report, say, shown
from retrieval.indexing.progress import Progress
from retrieval.watching.watcher import Delayed, WatchEvent, Watching, WatchTiming


def watch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--watch` and `--poll`; the command gets `timing`, None without `--watch`."""

    @click.option(
        "--watch",
        is_flag=True,
        help="Then follow what changes in the indexed folders, until Ctrl-C.",
    )
    @click.option(
        "--poll",
        metavar="SECONDS",
        type=click.FloatRange(min=1),
        help="With --watch: also look at everything every so many seconds. Network drives tell "
        "nothing of what other machines change; unasked they are looked at every five minutes.",
    )
    @wraps(command)
    def gathered(*arguments: Any, watch: bool, poll: float | None, **others: Any) -> Any:
        if poll is not None and not watch:
            raise click.UsageError("--poll goes with --watch")
        return command(*arguments, timing=WatchTiming(poll=poll) if watch else None, **others)

    return gathered


class WatchReport:
    """Prints what a watch comes to, and each trouble once; `ending` says how to end it."""

    def __init__(self, ending: str = "") -> None:
        self._ending = ending
        self._said: Watching | None = None
        self._absent: set[str] = set()
        self._unseen: set[str] = set()
        self._delay = ""

    def begin(self, progress: Progress) -> None:
        """Take note of what the summary of the first run has said already."""
        self._absent = {trouble.path for trouble in progress.missing}
        self._unseen = {trouble.path for trouble in progress.unreadable}

    def show(self, event: WatchEvent) -> None:
        """Print what an event says, if it says anything new."""
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
            after = "Folders are not watched any more."
            if delayed.seconds is not None:
                after = f"Trying again in {duration(delayed.seconds)}; no change is lost."
            say(after, error=True)

    def _status(self, watching: Watching) -> Iterator[str]:
        before, self._said = self._said, watching
        if before is None or before.folders != watching.folders:
            yield f"{self._title()}. {self._ending}".rstrip()
        if before is not None:
            for path in sorted(set(before.absent) - set(watching.absent)):
                yield f"Back again: {shown(home_relative(path))}"
        yield from self._missing(dict.fromkeys(watching.absent, ""))
        self._absent &= set(watching.absent)
        if before is not None and before.polled == watching.polled:
            return
        if watching.reason:
            yield f"Not all changes are heard of: {shown(watching.reason)}. Until then:"
            if watching.hint:
                yield f"  {watching.hint}"
        for path, seconds in watching.polled:
            why = "" if watching.reason else " may be changed by other machines, unheard, and"
            yield f"  {shown(home_relative(path))}{why} is looked at every {duration(seconds)}"

    def _done(self, progress: Progress) -> Iterator[str]:
        if progress.phase != "done":
            return
        self._delay = ""
        changes = ", ".join(_changes(progress))
        if changes:
            yield f"{self._title()}; {changes} at {time.strftime('%H:%M')}"
            yield from problem_lines(progress)
        yield from self._missing({trouble.path: trouble.reason for trouble in progress.missing})
        unseen = {trouble.path: trouble.reason for trouble in progress.unreadable}
        for path in sorted(unseen.keys() - self._unseen):
            yield f"Not looked into: {shown(home_relative(path))} ({unseen[path]})"
        self._unseen |= unseen.keys()

    def _missing(self, missing: Mapping[str, str]) -> Iterator[str]:
        for path in sorted(missing.keys() - self._absent):
            reason = f" ({missing[path]})" if missing[path] else ""
            yield f"Not there: {shown(home_relative(path))}{reason}. Its pictures stay searchable."
        self._absent |= missing.keys()

    def _title(self) -> str:
        folders = () if self._said is None else self._said.folders
        return f"Watching {plural(len(folders), 'folder')}"


def _changes(progress: Progress) -> Iterator[str]:
    tally = progress.tally
    found = tally.encoded or tally.reused
    for count, what in (
        (tally.encoded, "new"),
        (tally.reused, "moved or copied"),
        (tally.removed, "gone"),
        (0 if found else tally.texts_updated, "with other texts"),
        (tally.bad, "damaged"),
        (tally.unsupported, "in formats that are not supported"),
    ):
        if count:
            yield f"{count:,} {what}"
