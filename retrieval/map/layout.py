"""Places for points: all of them anew, or new ones among those that have theirs."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from retrieval.map.records import Layout
from retrieval.map.tsne import ROUNDS, Places, arrange
from retrieval.stores.clustering import nearest_rows

NEIGHBOURS = 15
_FEWEST, _PARTS = 30, 6
"""Fewer points have no neighbourhoods; with few, one is no more than a sixth of all."""

_MOST = 100_000
"""Of more points a sample is arranged; the others find their place among it."""

_PLACED_BY = 5
_SEED = 1

Floats = NDArray[np.float32]


def lay_out(points: Floats) -> Generator[float, None, tuple[Places, Layout]]:
    """Find places (n, 2) in the unit square for points (n, d); yields the share that is done."""
    if len(points) < _FEWEST:
        return in_unit_square(_two_columns(points)), "principal components"
    order = np.random.default_rng(_SEED).permutation(len(points))
    chosen, others = np.sort(order[:_MOST]), np.sort(order[_MOST:])
    sample = points[chosen]
    k = min(NEIGHBOURS, len(sample) // _PARTS)
    neighbours = _others(nearest_rows(sample, sample, k + 1)[1])
    places = np.empty((len(points), 2), np.float32)
    arranged = arrange(_apart(_two_columns(sample)), neighbours)
    for number, places_now in enumerate(arranged, 1):
        yield number / ROUNDS
        if number == ROUNDS:
            places[chosen] = places_now
    if len(others):
        places[others] = among(sample, places[chosen], points[others])[0]
    return in_unit_square(_lying(places)), "neighbours"


def among(points: Floats, places: Places, new: Floats) -> tuple[Places, NDArray[np.int64]]:
    """Return places (m, 2) for new points, and the row (m,) of the nearest of the old ones.

    A place is the mean of the nearest ones' places, the nearer the more it counts.
    """
    distances, rows = nearest_rows(points, new, min(_PLACED_BY, len(points)))
    weights = 1 / (np.sqrt(np.maximum(distances, 0)) + 1e-3)
    weights /= weights.sum(axis=1, keepdims=True)
    found = (places[rows] * weights[..., None]).sum(axis=1)
    return np.asarray(found, np.float32), rows[:, 0]


def in_unit_square(places: Places) -> Places:
    """Move and scale places into 0..1, keeping their proportions; a single one to the middle."""
    if not len(places):
        return places
    low, high = places.min(axis=0), places.max(axis=0)
    extent = float((high - low).max())
    scaled = (places - (low + high) / 2) / (extent or 1.0) + 0.5
    return np.asarray(scaled.clip(0, 1), np.float32)


def _lying(places: Places) -> Places:
    """Turn places so that they extend from left to right most, as screens do."""
    centred = places - places.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    right = axes[:, 1] * (np.sign(axes[0, 1]) or 1.0)
    return np.asarray(centred @ np.stack([right, (-right[1], right[0])], axis=1), np.float32)


def _two_columns(points: Floats) -> Places:
    columns = np.zeros((len(points), 2), np.float32)
    columns[:, : points.shape[1]] = points[:, :2]
    return columns


def _apart(places: Places) -> Places:
    """Shift each a little, for what lies on the very same place cannot push each other off."""
    shift = np.random.default_rng(_SEED).standard_normal(places.shape)
    return np.asarray(places + shift * max(float(places.std()), 1e-6) * 0.01, np.float32)


def _others(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Take each row itself out of its neighbours (n, k + 1), or the last if it is not there."""
    itself = rows == np.arange(len(rows))[:, None]
    itself[~itself.any(axis=1), -1] = True
    return np.asarray(rows[~itself].reshape(len(rows), -1), np.int64)
