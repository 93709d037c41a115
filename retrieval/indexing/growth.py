"""How fast a count grows, for what a run says about itself."""

from __future__ import annotations

import time
from collections.abc import Callable

_OVER_S = 20.0

Clock = Callable[[], float]


class Growth:
    """How fast a count has grown over the last while."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._points: list[tuple[float, float]] = []

    def note(self, done: float) -> None:
        """Note the count of now."""
        now = self._clock()
        self._points.append((now, done))
        while len(self._points) > 2 and self._points[1][0] < now - _OVER_S:
            self._points.pop(0)

    @property
    def rate(self) -> float:
        """The growth a second; 0 as long as it is unknown."""
        if len(self._points) < 2:
            return 0.0
        (began, first), (now, last) = self._points[0], self._points[-1]
        return (last - first) / max(now - began, 0.001)

    def seconds_left(self, remaining: float) -> float | None:
        """Return how long the rest takes at this pace; None if that is unknown."""
        rate = self.rate
        return remaining / rate if rate > 0 and remaining > 0 else None
