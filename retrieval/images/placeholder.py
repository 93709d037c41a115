"""Blurred stand-ins for pictures: 18 bytes each, drawn until the thumbnail is there.

A placeholder holds the lowest waves of a discrete cosine transform: 15 of the lightness, 6 of each
of two differences of colours. It says nothing of the shape, which is known anyway. `placeholder.js`
on the page draws it.

The bytes: the mean of each channel; the greatest wave of each channel; then 24 waves as 4-bit
numbers, the first in the upper half of its byte. A wave of number n is (n - 8) / 7 of the greatest.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

SIZE = 18
"""The bytes of a placeholder."""

_SIDE = 32
_LIGHT_ORDER, _COLOUR_ORDER = 4, 2  # the highest sum of a wave's two frequencies
_MIDDLE, _STEPS = 8, 7

Floats = NDArray[np.float64]


def placeholder_of(picture: Image.Image) -> bytes:
    """Return the placeholder of an RGB picture."""
    from PIL import Image

    small = picture.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    red, green, blue = np.moveaxis(np.asarray(small, np.float64) / 255, -1, 0)
    light = _waves(((red + green + blue) / 3)[None], _LIGHT_ORDER)
    yellow = _waves(((red + green) / 2 - blue)[None], _COLOUR_ORDER)
    reddish = _waves((red - green)[None], _COLOUR_ORDER)
    return _written(light, yellow, reddish)[0]


def grey_placeholders(thumbnails: NDArray[np.uint8]) -> list[bytes]:
    """Return the placeholders, without colour, of (n, side, side) luma thumbnails."""
    light = _waves(thumbnails / 255, _LIGHT_ORDER)
    none = np.zeros((len(thumbnails), len(_frequencies(_COLOUR_ORDER))))
    return _written(light, none, none)


@cache
def _frequencies(order: int) -> tuple[tuple[int, int], ...]:
    """Return the frequencies (down, across) of the waves of a channel; the mean comes first."""
    return tuple((down, total - down) for total in range(order + 1) for down in range(total + 1))


@cache
def _cosines(side: int) -> Floats:
    """Return the (order + 1, side) cosines that take waves out of `side` pixels."""
    orders = np.arange(_LIGHT_ORDER + 1)[:, None]
    waves = np.cos(np.pi * orders * (np.arange(side) + 0.5) / side)
    result: Floats = waves * np.where(orders, 2.0, 1.0) / side
    return result


def _waves(channel: Floats, order: int) -> Floats:
    """Return the waves (n, count) of channels (n, side, side)."""
    cosines = _cosines(channel.shape[1])
    every = cosines @ channel @ cosines.T
    down, across = np.array(_frequencies(order)).T
    result: Floats = every[:, down, across]
    return result


def _written(*channels: Floats) -> list[bytes]:
    light, yellow, reddish = channels
    means = [light[:, 0], (yellow[:, 0] + 1) / 2, (reddish[:, 0] + 1) / 2]
    greatest = [np.abs(waves[:, 1:]).max(axis=1) for waves in channels]
    heads = np.rint(np.clip(np.stack(means + greatest, 1), 0, 1) * 255).astype(np.uint8)
    scales = np.maximum(heads[:, 3:], 1) / 255
    steps = [waves[:, 1:] / scales[:, [at]] * _STEPS for at, waves in enumerate(channels)]
    numbers = np.clip(np.rint(np.hstack(steps)), -_STEPS, _STEPS).astype(np.int8) + _MIDDLE
    pairs = numbers.astype(np.uint8).reshape(len(numbers), numbers.shape[1] // 2, 2)
    packed = np.hstack([heads, pairs[:, :, 0] << 4 | pairs[:, :, 1]])
    return [row.tobytes() for row in packed]
