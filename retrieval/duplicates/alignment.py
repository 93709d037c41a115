"""Detects that one picture is a part of another, by sliding one thumbnail over the other.

A crop, a screenshot, an added border or a slight tilt changes a perceptual hash, and the model's
vectors do not tell such a copy from another picture of the same scene. So the thumbnail of one
picture is scaled down to each size from two thirds to the whole and moved over the other thumbnail.
The result is the correlation of brightness at the best position, over both directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Thumbnails = NDArray[np.uint8]

_BLOCK = 256
_MIN_SCALE = 2 / 3
_PROMISING = 0.8
"""Finer sizes are tried only if the coarse sizes correlate at least this well."""

_MIN_CONTRAST = 4.0
"""Parts with a smaller standard deviation of brightness (of 255) correlate with nothing."""


def part_correlation(first: Thumbnails, second: Thumbnails) -> Floats:
    """Return (n,) how well one of each pair is a part of the other, -1 to 1; higher is better.

    Both arguments are (n, side, side) thumbnails.
    """
    best = np.empty(len(first), np.float32)
    side = first.shape[1]
    smallest = round(side * _MIN_SCALE)
    coarse, fine = range(smallest, side + 1, 2), range(smallest, side + 1)
    for start in range(0, len(first), _BLOCK):
        part = slice(start, start + _BLOCK)
        a, b = first[part].astype(np.float32), second[part].astype(np.float32)
        found = _both_ways(a, b, coarse)
        again = found >= _PROMISING
        if again.any():
            found[again] = np.maximum(found[again], _both_ways(a[again], b[again], fine))
        best[part] = found
    return best


def correlation(first: Thumbnails, second: Thumbnails) -> Floats:
    """Return (n,) the correlation of pairs of (n, side, side) thumbnails as they are, -1 to 1."""
    a, b = (each.reshape(len(each), -1).astype(np.float32) for each in (first, second))
    a, b = (each - each.mean(axis=1, keepdims=True) for each in (a, b))
    scale = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / np.maximum(scale, 1e-6), np.float32)


def _both_ways(a: Floats, b: Floats, sizes: Sequence[int]) -> Floats:
    return np.maximum(_best_placement(a, b, sizes), _best_placement(b, a, sizes))


def _best_placement(whole: Floats, part: Floats, sizes: Sequence[int]) -> Floats:
    """Return the best correlation (n,) of the part, scaled down, at any position in the whole."""
    best = np.full(len(whole), -1.0, np.float32)
    sums, squares = _integral(whole), _integral(whole**2)
    for height in sizes:
        squeezed = _downscaling(part.shape[1], height) @ part
        for width in sizes:
            small = squeezed @ _downscaling(part.shape[1], width).T
            found = _sliding_correlation(whole, np.asarray(small, np.float32), sums, squares)
            np.maximum(best, found, out=best)
    return best


def _sliding_correlation(
    whole: Floats, small: Floats, sums: NDArray[np.float64], squares: NDArray[np.float64]
) -> Floats:
    height, width = small.shape[1:]
    small = small - small.mean(axis=(1, 2), keepdims=True)
    places = np.lib.stride_tricks.sliding_window_view(whole, (height, width), axis=(1, 2))
    products = np.einsum("nyxij,nij->nyx", places, small, optimize=True)
    area = height * width
    total, energy = _in_windows(sums, height, width), _in_windows(squares, height, width)
    spread = np.sqrt(np.maximum(energy - total**2 / area, area * _MIN_CONTRAST**2))
    own = np.sqrt(np.maximum((small**2).sum(axis=(1, 2)), area * _MIN_CONTRAST**2))
    result = products / (spread * own[:, None, None])
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
def _downscaling(side: int, size: int) -> Floats:
    """Return the matrix (size, side) that averages `side` values down to `size`."""
    edges = np.arange(size + 1) * side / size
    pixels = np.arange(side)
    ends = np.minimum(edges[1:, None], pixels + 1)
    starts = np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.maximum(ends - starts, 0) * size / side, np.float32)
