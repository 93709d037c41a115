"""Telling a part of a picture from another picture: one sketch is laid upon the other.

A crop, a screenshot, a picture with a border or a slight tilt keeps no perceptual hash, and a
model's vector of it is no nearer than that of another picture of the same scene. So the sketch of
one picture is shrunk to every size between two thirds and the whole, laid upon every place of the
other's, and the correlation of brightness at the best place is the answer; then the other way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Sketches = NDArray[np.uint8]

_AT_ONCE = 256
_LEAST = 2 / 3
_PROMISING = 0.8
"""Where coarse sizes agree less than this, finer ones are not worth the time."""

_FLAT = 4.0
"""The least spread of brightness (of 255) in a part that can agree with anything."""


def agreement(first: Sketches, second: Sketches) -> Floats:
    """Return for pairs of (n, side, side) sketches how well one is a part of the other, -1 to 1."""
    best = np.empty(len(first), np.float32)
    side = first.shape[1]
    smallest = round(side * _LEAST)
    coarse, fine = range(smallest, side + 1, 2), range(smallest, side + 1)
    for start in range(0, len(first), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        a, b = first[part].astype(np.float32), second[part].astype(np.float32)
        found = _either_way(a, b, coarse)
        again = found >= _PROMISING
        if again.any():
            found[again] = np.maximum(found[again], _either_way(a[again], b[again], fine))
        best[part] = found
    return best


def correlation(first: Sketches, second: Sketches) -> Floats:
    """Return how well pairs of (n, side, side) sketches agree as they are, -1 to 1."""
    a, b = (each.reshape(len(each), -1).astype(np.float32) for each in (first, second))
    a, b = (each - each.mean(axis=1, keepdims=True) for each in (a, b))
    scale = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / np.maximum(scale, 1e-6), np.float32)


def _either_way(a: Floats, b: Floats, sizes: Sequence[int]) -> Floats:
    return np.maximum(_as_part(a, b, sizes), _as_part(b, a, sizes))


def _as_part(whole: Floats, part: Floats, sizes: Sequence[int]) -> Floats:
    """Return the best correlation (n,) of the part, shrunk, with any place of the whole."""
    best = np.full(len(whole), -1.0, np.float32)
    sums, squares = _integral(whole), _integral(whole**2)
    for height in sizes:
        flattened = _shrinking(part.shape[1], height) @ part
        for width in sizes:
            small = flattened @ _shrinking(part.shape[1], width).T
            found = _laid_upon(whole, np.asarray(small, np.float32), sums, squares)
            np.maximum(best, found, out=best)
    return best


def _laid_upon(
    whole: Floats, small: Floats, sums: NDArray[np.float64], squares: NDArray[np.float64]
) -> Floats:
    height, width = small.shape[1:]
    small = small - small.mean(axis=(1, 2), keepdims=True)
    places = np.lib.stride_tricks.sliding_window_view(whole, (height, width), axis=(1, 2))
    together = np.einsum("nyxij,nij->nyx", places, small, optimize=True)
    area = height * width
    total, energy = _in_windows(sums, height, width), _in_windows(squares, height, width)
    spread = np.sqrt(np.maximum(energy - total**2 / area, area * _FLAT**2))
    own = np.sqrt(np.maximum((small**2).sum(axis=(1, 2)), area * _FLAT**2))
    result = together / (spread * own[:, None, None])
    return np.asarray(result.reshape(len(whole), -1).max(axis=1), np.float32)


def _integral(values: Floats) -> NDArray[np.float64]:
    padded = np.zeros((len(values), values.shape[1] + 1, values.shape[2] + 1))
    padded[:, 1:, 1:] = values.cumsum(axis=1, dtype=np.float64).cumsum(axis=2)
    return padded


def _in_windows(integral: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    lower = integral[:, height:, width:] - integral[:, height:, :-width]
    upper = integral[:, :-height, width:] - integral[:, :-height, :-width]
    return np.asarray(lower - upper)


@cache
def _shrinking(side: int, size: int) -> Floats:
    """Return the matrix (size, side) that averages `side` values down to `size`."""
    edges = np.arange(size + 1) * side / size
    pixels = np.arange(side)
    ends = np.minimum(edges[1:, None], pixels + 1)
    starts = np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.maximum(ends - starts, 0) * size / side, np.float32)
