"""Computes positions for all points, or for new points among those that have positions."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from retrieval.map.records import Layout
from retrieval.map.tsne import ITERATIONS, Positions, arrange
from retrieval.stores.clustering import nearest_rows

NEIGHBOURS = 15
_MIN_POINTS, _NEIGHBOURHOODS = 30, 6
"""Below _MIN_POINTS there are no neighbourhoods; of few points, one has at most a sixth of them."""

_MAX_SAMPLE = 100_000
"""Of more points a sample is arranged, and the others are placed among it."""

_PLACING_NEIGHBOURS = 5
_SEED = 1

Floats = NDArray[np.float32]


def lay_out(points: Floats) -> Generator[float, None, tuple[Positions, Layout]]:
    """Find positions (n, 2) in the unit square for points (n, d); yields the share done, 0 to 1."""
    if len(points) < _MIN_POINTS:
        return fit_unit_square(_two_columns(points)), "principal components"
    order = np.random.default_rng(_SEED).permutation(len(points))
    chosen, others = np.sort(order[:_MAX_SAMPLE]), np.sort(order[_MAX_SAMPLE:])
    sample = points[chosen]
    k = min(NEIGHBOURS, len(sample) // _NEIGHBOURHOODS)
    neighbours = _without_self(nearest_rows(sample, sample, k + 1)[1])
    positions = np.empty((len(points), 2), np.float32)
    arranged = arrange(_jittered(_two_columns(sample)), neighbours)
    for number, positions_now in enumerate(arranged, 1):
        yield number / ITERATIONS
        if number == ITERATIONS:
            positions[chosen] = positions_now
    if len(others):
        positions[others] = place_among(sample, positions[chosen], points[others])[0]
    return fit_unit_square(_widest_across(positions)), "neighbours"


def place_among(
    points: Floats, positions: Positions, new: Floats
) -> tuple[Positions, NDArray[np.int64]]:
    """Return positions (m, 2) for new points, and the row (m,) of the nearest old point of each.

    A position is the mean of the nearest points' positions, weighted by inverse distance.
    """
    distances, rows = nearest_rows(points, new, min(_PLACING_NEIGHBOURS, len(points)))
    weights = 1 / (np.sqrt(np.maximum(distances, 0)) + 1e-3)
    weights /= weights.sum(axis=1, keepdims=True)
    found = (positions[rows] * weights[..., None]).sum(axis=1)
    return np.asarray(found, np.float32), rows[:, 0]


def fit_unit_square(positions: Positions) -> Positions:
    """Scale positions to fill 0..1, keeping the aspect ratio; a single one goes to the middle."""
    if not len(positions):
        return positions
    low, high = positions.min(axis=0), positions.max(axis=0)
    extent = float((high - low).max())
    scaled = (positions - (low + high) / 2) / (extent or 1.0) + 0.5
    return np.asarray(scaled.clip(0, 1), np.float32)


def _widest_across(positions: Positions) -> Positions:
    """Rotate positions so that they extend most from left to right, as screens do."""
    centred = positions - positions.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    right = axes[:, 1] * (np.sign(axes[0, 1]) or 1.0)
    return np.asarray(centred @ np.stack([right, (-right[1], right[0])], axis=1), np.float32)


def _two_columns(points: Floats) -> Positions:
    columns = np.zeros((len(points), 2), np.float32)
    columns[:, : points.shape[1]] = points[:, :2]
    return columns


def _jittered(positions: Positions) -> Positions:
    """Shift each position a little, because identical positions cannot repel each other."""
    shift = np.random.default_rng(_SEED).standard_normal(positions.shape)
    return np.asarray(positions + shift * max(float(positions.std()), 1e-6) * 0.01, np.float32)


def _without_self(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Remove each row itself from its neighbours (n, k + 1), or the last one if it is absent."""
    itself = rows == np.arange(len(rows))[:, None]
    itself[~itself.any(axis=1), -1] = True
    return np.asarray(rows[~itself].reshape(len(rows), -1), np.int64)
