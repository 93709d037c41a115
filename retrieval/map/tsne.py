"""Positions in the plane by t-SNE: neighbours end up side by side, unrelated points far apart.

All nearest neighbours of a point have the same weight. Neighbours attract each other, and all
points repel each other. With q(d) = 1 / (1 + d²) and exaggeration E, the force between two points
is

    attraction   E · (1 / 2nk) · q(d) · d       once for each time that one is the other's neighbour
    repulsion    q(d)² · d / Σ q                for every two points

Repulsion is a convolution on a grid, so an iteration costs a few Fourier transforms, whatever the
number of points. The result is deterministic: the same neighbours give the same positions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.float32]
"""(n, 2)."""

ITERATIONS = 500
_EARLY_ITERATIONS = 100
"""The first iterations use a higher E, so that clusters form before details."""

_EARLY_EXAGGERATION, _EXAGGERATION = 4.0, 1.0
_EARLY_MOMENTUM, _MOMENTUM = 0.5, 0.8
_CELL, _MOST_CELLS = 0.5, 1000
"""The grid spacing, doubled until a side has at most this many cells; `q` halves at 1."""

_MAX_STEP = 5.0
"""The longest move in an iteration: without a limit, a handful of points would fly apart."""

_INITIAL_STD = 1e-2


@dataclass(frozen=True, slots=True)
class _Kernel:
    """Fourier transforms of q, and of q² times the distance to the right and downwards."""

    shape: tuple[int, int]
    cell: float
    waves: NDArray[np.complex64]


def arrange(start: Positions, neighbours: NDArray[np.int64]) -> Iterator[Positions]:
    """Yield the positions of n points after each of `ITERATIONS` iterations, centred at 0.

    `start` are the initial positions (n, 2), such as principal components; `neighbours` are the
    rows (n, k) of each point's k nearest others. It yields the same array each time, updated.
    """
    count, k = neighbours.shape
    positions = np.asarray(start - start.mean(axis=0), np.float32)
    positions *= _INITIAL_STD / max(float(positions.std()), 1e-12)
    velocity = np.zeros_like(positions)
    flat = neighbours.ravel()
    degree = (k + np.bincount(flat, minlength=count)) / (2 * k)
    # A neighbour of very many points is attracted so strongly that a full step would overshoot.
    step = (count / np.maximum(degree, 1.0)).astype(np.float32)[:, None]
    kernel: _Kernel | None = None
    for number in range(ITERATIONS):
        early = number < _EARLY_ITERATIONS
        exaggeration = _EARLY_EXAGGERATION if early else _EXAGGERATION
        momentum = _EARLY_MOMENTUM if early else _MOMENTUM
        repulsion, kernel = _repulsion(positions, kernel)
        force = exaggeration * _attraction(positions, neighbours, flat) + 4.0 * repulsion
        velocity = momentum * velocity + step / exaggeration * force
        lengths = np.hypot(velocity[:, 0], velocity[:, 1])
        velocity *= np.minimum(1, _MAX_STEP / np.maximum(lengths, 1e-12))[:, None]
        positions += velocity
        positions -= positions.mean(axis=0)
        yield positions


def _attraction(
    positions: Positions, neighbours: NDArray[np.int64], flat: NDArray[np.int64]
) -> Positions:
    count, k = neighbours.shape
    total = np.empty_like(positions)
    apart = [positions[flat, axis].reshape(count, k) - positions[:, axis, None] for axis in (0, 1)]
    weight = 1 / (1 + apart[0] ** 2 + apart[1] ** 2)
    for axis in (0, 1):
        force = apart[axis] * weight
        back = np.bincount(flat, force.ravel(), count)
        total[:, axis] = force.sum(axis=1) - back
    return total * np.float32(2 / (count * k))


def _repulsion(positions: Positions, kernel: _Kernel | None) -> tuple[Positions, _Kernel]:
    """Return the forces, and the kernel for the next iteration."""
    low = positions.min(axis=0)
    extent = float((positions.max(axis=0) - low).max())
    # Powers of two, so that the spacing, and with it the kernel, seldom changes.
    cell = _CELL * 2.0 ** max(0, math.ceil(math.log2(max(extent, 1e-9) / (_CELL * _MOST_CELLS))))
    cells = (positions - low) / np.float32(cell)
    corner = cells.astype(np.int64)
    inside = cells - corner
    need = corner.max(axis=0) + 2
    # Twice the extent, because the transform is periodic and its images must not interact.
    shape = (_even_size(2 * int(need[0])), _even_size(2 * int(need[1])))
    if kernel is None or (kernel.shape, kernel.cell) != (shape, cell):
        kernel = _kernel(shape, cell)
    # Each point is distributed over the four corners of its cell.
    first = corner[:, 0] * shape[1] + corner[:, 1]
    right, down = inside[:, 0], inside[:, 1]
    weights = (
        (first, (1 - right) * (1 - down)),
        (first + 1, (1 - right) * down),
        (first + shape[1], right * (1 - down)),
        (first + shape[1] + 1, right * down),
    )
    size = shape[0] * shape[1]
    density = sum(np.bincount(cell, weight, size) for cell, weight in weights)
    waves = np.fft.rfft2(np.asarray(density, np.float32).reshape(shape))
    fields = np.fft.irfft2(waves[None] * kernel.waves, s=shape).reshape(3, size)
    values = sum(fields[:, cell] * weight for cell, weight in weights)
    assert isinstance(values, np.ndarray)
    own = _own_nearness(right, down, cell)
    total = max(float((values[0] - own).sum(dtype=np.float64)), 1e-6)
    return np.asarray(values[1:].T / total, np.float32), kernel


def _own_nearness(
    right: NDArray[np.float32], down: NDArray[np.float32], cell: float
) -> NDArray[np.float32]:
    """Return what each point adds to its own sum of `q`, being spread over four grid corners."""
    apart_x, apart_y = 2 * right * (1 - right), 2 * down * (1 - down)
    side, diagonal = 1 / (1 + cell**2), 1 / (1 + 2 * cell**2)
    return np.asarray(
        (1 - apart_x) * (1 - apart_y)
        + side * (apart_x * (1 - apart_y) + apart_y * (1 - apart_x))
        + diagonal * apart_x * apart_y
    )


def _kernel(shape: tuple[int, int], cell: float) -> _Kernel:
    right, down = (np.fft.fftfreq(size, 1 / size) * cell for size in shape)
    near = 1 / (1 + right[:, None] ** 2 + down[None] ** 2)
    fields = np.stack([near, right[:, None] * near**2, down[None] * near**2])
    return _Kernel(shape, cell, np.fft.rfft2(fields.astype(np.float32)).astype(np.complex64))


def _even_size(least: int) -> int:
    """Return the least size that is 2, 3 or 5 times a power of two, for fast transforms.

    Such sizes also change seldom between iterations, so the kernel is seldom computed again.
    """
    power = 1 << max(least - 1, 7).bit_length()
    return min(size for size in (power, power * 3 // 4, power * 5 // 8) if size >= least)
