"""What an indexing run has to say of itself: counts, times, and what went wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from retrieval.indexing.progress import Phase, Progress, Tally, Trouble
from retrieval.indexing.stopwatch import Stopwatch

_PROBLEMS_KEPT = 1000
"""So many troubles are carried in the last record; the catalogue has them all."""


class RunReport:
    """Kept by a run as it goes on; its `watch` may be used from any thread, the rest from one."""

    def __init__(self) -> None:
        self.watch = Stopwatch()
        self.tally = Tally()
        self.root = ""  # the one that the run is at
        self.missing: list[Trouble] = []
        self.unseen: list[Trouble] = []
        self._problems: list[Trouble] = []
        self._started = time.monotonic()

    def count(self, **more: int) -> None:
        """Add to the counts of `Tally` that are named."""
        changes = {name: getattr(self.tally, name) + n for name, n in more.items()}
        self.tally = replace(self.tally, **changes)

    def problem(self, path: str, reason: str) -> None:
        """Note a file that could not be used."""
        if len(self._problems) < _PROBLEMS_KEPT:
            self._problems.append(Trouble(path, reason))

    def progress(self, phase: Phase) -> Progress:
        """Tell where the run stands."""
        seconds = time.monotonic() - self._started
        return Progress(phase, self.root, self.tally, seconds, spent=self.watch.spent())

    def closing(self, waiting: Sequence[str], *, stopped: bool) -> Progress:
        """Tell how the run ended, and of everything that went wrong in it."""
        return replace(
            self.progress("done"),
            missing=tuple(self.missing),
            unseen=tuple(self.unseen),
            problems=tuple(self._problems),
            waiting=tuple(waiting),
            stopped=stopped,
        )
