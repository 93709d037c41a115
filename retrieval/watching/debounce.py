"""Paths that changed, until it is time to look at them."""

from __future__ import annotations

from collections.abc import Collection


class Debouncer:
    """Gathers paths until nothing was heard for `quiet_s`, or for no more than `at_most_s`.

    Times are seconds on one clock, given by the caller.
    """

    def __init__(self, quiet_s: float, at_most_s: float) -> None:
        self._quiet_s, self._at_most_s = quiet_s, at_most_s
        self._heard: set[str] = set()
        self._first = self._last = 0.0
        self._kept: dict[str, float] = {}

    def hear(self, paths: Collection[str], now: float) -> None:
        """Add paths that have just changed."""
        if not paths:
            return
        if not self._heard:
            self._first = now
        self._last = now
        self._heard.update(paths)

    def keep(self, paths: Collection[str], until: float) -> None:
        """Add paths that are to be looked at from some time on, quiet or not."""
        self._kept.update((path, min(until, self._kept.get(path, until))) for path in paths)

    def take(self, now: float) -> set[str]:
        """Return the paths whose time has come, and forget them."""
        taken = {path for path, until in self._kept.items() if until <= now}
        for path in taken:
            del self._kept[path]
        is_time = now >= min(self._last + self._quiet_s, self._first + self._at_most_s)
        if self._heard and is_time:
            taken |= self._heard
            self._heard = set()
        return taken
