"""One line of progress on standard error: redrawn in a terminal, now and then a new line elsewhere.

Standard output is kept for results.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType

from retrieval.commands.terminal import say
from retrieval.indexing.growth import Clock, Growth

_LINES_EVERY_S = 10.0
_DRAWN_EVERY_S = 0.1


class ProgressLine:
    """Draws the newest of many lines; use it as a context manager, which clears it at the end.

    `live` says whether lines are redrawn in a terminal, or each one stays.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.live = sys.stderr.isatty()
        self._clock = clock
        self._shown = clock() if not self.live else -_LINES_EVERY_S
        self._drawn = False

    def show(self, line: str, *, always: bool = False) -> None:
        """Show a line, unless one was shown a moment ago; `always` shows it in any case."""
        now = self._clock()
        if not always and now - self._shown < (_DRAWN_EVERY_S if self.live else _LINES_EVERY_S):
            return
        self._shown = now
        if self.live:
            self._drawn = True
            sys.stderr.write(f"\r{line}\x1b[K")
            sys.stderr.flush()
        else:
            say(line, error=True)

    def clear(self) -> None:
        """Clear the line."""
        if self._drawn:
            self._drawn = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()


class Pace(Growth):
    """How fast a count has grown over the last while, for people."""

    def left(self, remaining: float) -> str:
        """Return ", 5 min left" for what remains, or "" if the pace is unknown."""
        seconds = self.seconds_left(remaining)
        return "" if seconds is None else f", {duration(seconds)} left"


class Counter:
    """The progress of work on a known number of things: "Read 120 of 1,000 pictures (35/s, …)"."""

    def __init__(self, line: ProgressLine, verb: str, things: str) -> None:
        self._line, self._verb, self._things = line, verb, things
        self._pace = Pace()

    def show(self, done: int, total: int) -> None:
        """Show how many are done; nothing once all are."""
        if done >= total:
            self._line.clear()
            return
        self._pace.note(done)
        rate = self._pace.rate
        pace = f" ({rate:,.0f}/s{self._pace.left(total - done)})" if rate else ""
        self._line.show(f"{self._verb} {done:,} of {total:,} {self._things}{pace}")


def duration(seconds: float) -> str:
    """Return a time for people: 1.2 s, 34 s, 5 min, 2.1 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
