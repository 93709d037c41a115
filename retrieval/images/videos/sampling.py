"""Which frames of a video are looked at, and which of them are like the one before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_MOMENTS = 300
"""A video has at most about as many moments, however long it is."""

_LEAST_STEP_S = 1.0
_LEAST_GAP_S = 0.4
"""Key frames nearer than this to the last frame are not looked at: encoders write many at once."""

_SIDE = 16
_ALIKE = 6.0
"""Mean difference of two small copies, of 255, up to which two frames count as the same view."""


def step_of(duration: float) -> float:
    """Return after how many seconds of a video one more frame is looked at."""
    return max(_LEAST_STEP_S, duration / MOST_MOMENTS)


class Plan:
    """Decides which frames are looked at: one each `step` seconds, and those where scenes begin.

    Encoders put key frames at cuts. Of the frames between two key frames, those are wanted that
    are `step` after the last one.
    """

    def __init__(self, step: float) -> None:
        self._step = step
        self._gap = max(_LEAST_GAP_S, 0.4 * step)
        self._last = -step

    def wanted(self, begin: float, end: float) -> Iterator[float]:
        """Yield the times to look at in the frames from a key frame at `begin` until `end`."""
        at = begin if begin - self._last >= self._gap else self._last + self._step
        while at < end:
            self._last = at
            yield at
            at += self._step


class Novelty:
    """Tells which frames are new, compared with the last one that was."""

    def __init__(self) -> None:
        self._last: NDArray[np.int16] | None = None

    def is_new(self, picture: Image.Image) -> bool:
        """Tell whether a frame differs from the last new one; the first one always does."""
        small = picture.resize((_SIDE, _SIDE), Image.Resampling.BOX).convert("RGB")
        pixels = np.asarray(small, np.int16)
        if self._last is not None and float(np.abs(pixels - self._last).mean()) <= _ALIKE:
            return False
        self._last = pixels
        return True
