"""Places in the plane: neighbours lie side by side, what has nothing to do with another lies apart.

The method is t-SNE with the same weight for each of a point's nearest neighbours. Points that are
neighbours attract each other, all points push each other off; with q(d) = 1 / (1 + d²) the force
between two points is

    attraction   E · (1 / 2nk) · q(d) · d       once for each time that one is the other's neighbour
    repulsion    q(d)² · d / Σ q                for every two points

All pushing is a convolution: points are laid out on a grid, so it costs a Fourier transform a
round, whatever their number. There is no chance in it: the same neighbours give the same places.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.float32]
"""(n, 2)."""

ROUNDS = 500
_EARLY = 100
"""In so many rounds first things find their continent: there E is higher."""

_EARLY_PULL, _PULL = 4.0, 1.0
_EARLY_MOMENTUM, _MOMENTUM = 0.5, 0.8
_CELL, _MOST_CELLS = 0.5, 1000
"""The grid's spacing, which is wider if a side would have more cells; `q` halves at 1."""

_LONGEST = 5.0
"""Nothing moves farther in a round: a handful of points would fly apart."""

_START = 1e-2


@dataclass(frozen=True, slots=True)
class _Kernel:
    """Fourier transforms of q, and of q² times the distance to the right and downwards."""

    shape: tuple[int, int]
    cell: float
    waves: NDArray[np.complex64]


def arrange(start: Places, neighbours: NDArray[np.int64]) -> Iterator[Places]:
    """Yield the places of n points after each of `ROUNDS` rounds, centred at 0.

    `start` are first places (n, 2), such as principal components; `neighbours` are the rows
    (n, k) of each point's k nearest others. The array is the same every time, and changes.
    """
    count, k = neighbours.shape
    places = np.asarray(start - start.mean(axis=0), np.float32)
    places *= _START / max(float(places.std()), 1e-12)
    speed = np.zeros_like(places)
    flat = neighbours.ravel()
    degree = (k + np.bincount(flat, minlength=count)) / (2 * k)
    # What is everybody's neighbour is pulled so hard that it would overshoot.
    step = (count / np.maximum(degree, 1.0)).astype(np.float32)[:, None]
    kernel: _Kernel | None = None
    for number in range(ROUNDS):
        early = number < _EARLY
        pull = _EARLY_PULL if early else _PULL
        push, kernel = _pushes(places, kernel)
        force = pull * _pulls(places, neighbours, flat) + 4.0 * push
        speed = (_EARLY_MOMENTUM if early else _MOMENTUM) * speed + step / pull * force
        lengths = np.hypot(speed[:, 0], speed[:, 1])
        speed *= np.minimum(1, _LONGEST / np.maximum(lengths, 1e-12))[:, None]
        places += speed
        places -= places.mean(axis=0)
        yield places


def _pulls(places: Places, neighbours: NDArray[np.int64], flat: NDArray[np.int64]) -> Places:
    count, k = neighbours.shape
    total = np.empty_like(places)
    apart = [places[flat, axis].reshape(count, k) - places[:, axis, None] for axis in (0, 1)]
    weight = 1 / (1 + apart[0] ** 2 + apart[1] ** 2)
    for axis in (0, 1):
        force = apart[axis] * weight
        back = np.bincount(flat, force.ravel(), count)
        total[:, axis] = force.sum(axis=1) - back
    return total * np.float32(2 / (count * k))


def _pushes(places: Places, kernel: _Kernel | None) -> tuple[Places, _Kernel]:
    """Return the forces, and the kernel for the next round."""
    low = places.min(axis=0)
    extent = float((places.max(axis=0) - low).max())
    # Powers of two, for a kernel belongs to one spacing.
    cell = _CELL * 2.0 ** max(0, math.ceil(math.log2(max(extent, 1e-9) / (_CELL * _MOST_CELLS))))
    cells = (places - low) / np.float32(cell)
    corner = cells.astype(np.int64)
    inside = cells - corner
    need = corner.max(axis=0) + 2
    # Twice the extent, or what leaves the grid on one side would push from the other.
    shape = (_even_size(2 * int(need[0])), _even_size(2 * int(need[1])))
    if kernel is None or (kernel.shape, kernel.cell) != (shape, cell):
        kernel = _kernel(shape, cell)
    # Each point is shared out among the four corners of its cell.
    first = corner[:, 0] * shape[1] + corner[:, 1]
    right, down = inside[:, 0], inside[:, 1]
    shares = (
        (first, (1 - right) * (1 - down)),
        (first + 1, (1 - right) * down),
        (first + shape[1], right * (1 - down)),
        (first + shape[1] + 1, right * down),
    )
    size = shape[0] * shape[1]
    density = sum(np.bincount(cell, share, size) for cell, share in shares)
    waves = np.fft.rfft2(np.asarray(density, np.float32).reshape(shape))
    fields = np.fft.irfft2(waves[None] * kernel.waves, s=shape).reshape(3, size)
    felt = sum(fields[:, cell] * share for cell, share in shares)
    assert isinstance(felt, np.ndarray)
    own = _own_nearness(right, down, cell)
    total = max(float((felt[0] - own).sum(dtype=np.float64)), 1e-6)
    return np.asarray(felt[1:].T / total, np.float32), kernel


def _own_nearness(
    right: NDArray[np.float32], down: NDArray[np.float32], cell: float
) -> NDArray[np.float32]:
    """Return what each point adds to its own sum of `q`, by being shared out among four corners."""
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
    """Return the least size that is 2, 3 or 5 times a power of two, for transforms are quick then.

    Sizes that hardly change from round to round also spare making the kernel anew.
    """
    power = 1 << max(least - 1, 7).bit_length()
    return min(size for size in (power, power * 3 // 4, power * 5 // 8) if size >= least)
