"""Collects changed paths until it is time to index them."""

from __future__ import annotations

from collections.abc import Collection


class Debouncer:
    """Holds paths until nothing has changed for `quiet_s`, but for `max_wait_s` at most.

    Times are seconds on one clock, which the caller reads.
    """

    def __init__(self, quiet_s: float, max_wait_s: float) -> None:
        self._quiet_s, self._max_wait_s = quiet_s, max_wait_s
        self._changed: set[str] = set()
        self._first = self._last = 0.0
        self._scheduled: dict[str, float] = {}

    def add(self, paths: Collection[str], now: float) -> None:
        """Add paths that have just changed."""
        if not paths:
            return
        if not self._changed:
            self._first = now
        self._last = now
        self._changed.update(paths)

    def schedule(self, paths: Collection[str], due_at: float) -> None:
        """Add paths that are due at a fixed time, regardless of further changes."""
        self._scheduled.update(
            (path, min(due_at, self._scheduled.get(path, due_at))) for path in paths
        )

    def take_due(self, now: float) -> set[str]:
        """Return the paths that are due, and forget them."""
        due = {path for path, due_at in self._scheduled.items() if due_at <= now}
        for path in due:
            del self._scheduled[path]
        is_time = now >= min(self._last + self._quiet_s, self._first + self._max_wait_s)
        if self._changed and is_time:
            due |= self._changed
            self._changed = set()
        return due
