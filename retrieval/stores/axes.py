"""The directions in which vectors differ most: a few of them say nearly all that a vector says.

The vectors of a model lie in a cone, and those of pictures hardly leave a subspace of it. So each
is told by its coordinates along the principal axes of a sample, after the mean is taken away, and
by the length of what is missing. The Cauchy-Schwarz inequality bounds what that can add to a score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieval.stores import Vectors
from retrieval.stores.body import StoredRows

_SAMPLE = 16_384
"""The axes are fitted to this many vectors. Any axes give a bound that holds."""

_TRIED, _QUESTIONS, _K = 4096, 48, 4
"""The rows, questions and best rows from which the number of axes is chosen."""

_NOISE = 0.25
"""The share of a question's energy that lies anywhere: texts have more of it than pictures."""

_SCAN_NS, _COMPARE_NS = 0.2, 1000.0
"""Nanoseconds to read one coordinate of a row, and to compare one row that could not be ruled out.

Measured on a processor with AVX2; on others the two change together.
"""

_ROUNDED = 1e-6
"""What float32 may take from a squared length."""


@dataclass(frozen=True, slots=True)
class Axes:
    """Orthonormal axes through the mean; without a basis they are the dimensions themselves."""

    mean: Vectors  # (dim,)
    basis: Vectors | None  # (dim, kept)

    @property
    def kept(self) -> int:
        """The number of coordinates."""
        return len(self.mean) if self.basis is None else self.basis.shape[1]

    def coordinates(self, rows: Vectors) -> tuple[Vectors, Vectors]:
        """Return (n, kept) coordinates of (n, dim) rows from which the mean was taken.

        And (n,) the lengths of what they leave out, rounded up: 0 without a basis.
        """
        if self.basis is None:
            return rows, np.zeros(len(rows), np.float32)
        # BLAS wakes threads for one row, too, and they go on spinning when the scan begins.
        one = len(rows) == 1
        along = np.einsum("nd,dk->nk", rows, self.basis) if one else rows @ self.basis
        missing = _squared(rows) - _squared(along)
        return along, np.sqrt(np.maximum(missing, 0) + np.float32(_ROUNDED))


def fitted(sample: Vectors, choices: tuple[int, ...]) -> Axes:
    """Return the axes through (n, dim) vectors that make a scan cheapest.

    `choices` are the numbers of axes to choose from, beside all dimensions.
    """
    mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    dim = len(mean)
    choices = tuple(kept for kept in choices if kept < dim)
    if not choices:
        return Axes(mean, None)
    rest = sample - mean
    covariance = (rest.T @ rest).astype(np.float64)
    directions = np.linalg.eigh(covariance)[1][:, ::-1].astype(np.float32)
    trials = {kept: Axes(mean, np.ascontiguousarray(directions[:, :kept])) for kept in choices}
    tried = rest[:: -(-len(rest) // _TRIED)]
    questions = _questions(sample)
    costs = {kept: _cost(axes, tried, questions) for kept, axes in trials.items()}
    best = min(costs, key=lambda kept: costs[kept])
    return trials[best] if costs[best] < _SCAN_NS * dim else Axes(mean, None)


def sampled(rows: StoredRows) -> Vectors:
    """Return up to 16,384 rows, evenly spread."""
    return rows.every(-(-len(rows) // _SAMPLE) or 1).astype(np.float32)


def _questions(sample: Vectors) -> Vectors:
    """Return unit vectors near those of the sample, but with a part that lies anywhere."""
    random = np.random.default_rng(1)
    near = sample[random.integers(0, len(sample), _QUESTIONS)]
    anywhere = random.standard_normal(near.shape).astype(np.float32)
    anywhere /= np.linalg.norm(anywhere, axis=1, keepdims=True)
    mixed = np.sqrt(1 - _NOISE) * near + np.sqrt(_NOISE) * anywhere
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)


def _cost(axes: Axes, rows: Vectors, questions: Vectors) -> float:
    """Return about how many nanoseconds a row costs a question.

    Of few rows the best score less than of many, so the share that cannot be ruled out is an upper
    estimate.
    """
    along, missing = axes.coordinates(rows)
    asked, unasked = axes.coordinates(questions)
    bounds = asked @ along.T + unasked[:, None] * missing
    best = np.partition(questions @ rows.T, -min(_K, len(rows)), axis=1)[:, -min(_K, len(rows))]
    share = float((bounds >= best[:, None]).mean())
    return _SCAN_NS * (axes.kept + 1) + _COMPARE_NS * share


def _squared(rows: Vectors) -> Vectors:
    squared: Vectors = np.einsum("nd,nd->n", rows, rows)
    return squared
