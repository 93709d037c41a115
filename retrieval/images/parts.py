"""Parts of a picture file that are found on their own: the moments of a video.

Each part has a vector beside the one of the whole; its `view` names it in the catalogue.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOMENT = re.compile(r"at (\d{1,7}\.\d{3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """A part that was read: its view, and (H, W, 3) uint8 RGB pixels at the model's input size."""

    view: str
    pixels: NDArray[np.uint8]


def moment_view(seconds: float) -> str:
    """Return the view of the moment of a video that begins after so many seconds.

    They are rounded up, so that a player that is set to them shows the frame that begins then.
    """
    return f"at {math.ceil(1000 * seconds - 1e-6) / 1000:.3f}"


def seconds_of(view: str) -> float | None:
    """Return when the moment of this view begins; None if the view is none of a moment."""
    found = _MOMENT.fullmatch(view)
    return None if found is None else float(found[1])
