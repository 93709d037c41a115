"""Collects what an indexing run reports: counts, times and problems."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from retrieval.indexing.progress import Phase, Progress, Tally, Trouble
from retrieval.indexing.stopwatch import Stopwatch

_PROBLEMS_KEPT = 1000
"""The last record lists at most this many problems; the catalogue has them all."""


class RunReport:
    """The report of a run in progress; `stopwatch` is safe in any thread, the rest in one."""

    def __init__(self) -> None:
        self.stopwatch = Stopwatch()
        self.tally = Tally()
        self.root = ""  # the root that is being indexed
        self.missing: list[Trouble] = []
        self.unreadable: list[Trouble] = []
        self._problems: list[Trouble] = []
        self._started = time.monotonic()

    def count(self, **more: int) -> None:
        """Add to the named counts of `Tally`."""
        changes = {name: getattr(self.tally, name) + n for name, n in more.items()}
        self.tally = replace(self.tally, **changes)

    def add_problem(self, path: str, reason: str) -> None:
        """Record a file that could not be used."""
        if len(self._problems) < _PROBLEMS_KEPT:
            self._problems.append(Trouble(path, reason))

    def progress(self, phase: Phase) -> Progress:
        """Return a record of the run so far."""
        seconds = time.monotonic() - self._started
        return Progress(phase, self.root, self.tally, seconds, spent=self.stopwatch.spent())

    def final(self, waiting: Sequence[str], *, stopped: bool) -> Progress:
        """Return the last record, with everything that went wrong."""
        return replace(
            self.progress("done"),
            missing=tuple(self.missing),
            unreadable=tuple(self.unreadable),
            problems=tuple(self._problems),
            waiting=tuple(waiting),
            stopped=stopped,
        )
