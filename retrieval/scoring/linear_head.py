"""A linear head on frozen vectors, learned from a few examples.

Logistic regression with an L2 penalty, solved by Newton's method. A picture with the unit vector x
shows the concept with the probability p = 1 / (1 + exp(-(steepness u · x + offset))), where u is a
unit vector. So a head ranks pictures exactly as a query with the vector u does. The penalty pulls
the solution towards zero or, for feedback on a query, towards that query's own head.

>>> head, validation = learn(examples)  # doctest: +SKIP
>>> head.probability(vectors)  # doctest: +SKIP
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.scoring.confidence import ScoreBaseline

Floats = NDArray[np.float64]

RIDGES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)
"""The penalties that cross-validation chooses from, strongest first."""

_USUAL_RIDGE = 0.003
_RARE = 50.0
"""Calibrated probabilities assume that one picture in this many shows the concept."""

ENOUGH = 4
"""With fewer wanted examples, the quality of a head cannot be measured."""

BACKGROUND = 256
"""The number of a library's pictures that serve as weak negative examples."""

_SAME = 0.999
_FOLDS = 5
_STEPS = 30


@dataclass(frozen=True, slots=True)
class Examples:
    """(n, dim) unit vectors, (n,) whether each is wanted, and (n,) weights that sum to 1.

    `given` (n,) is true for examples that a person chose, false for background pictures.
    """

    vectors: NDArray[np.float32]
    wanted: NDArray[np.bool_]
    weights: Floats
    given: NDArray[np.bool_]

    def of(self, rows: NDArray[np.bool_]) -> Examples:
        """Return the selected examples, their weights scaled to sum to 1."""
        weights = self.weights[rows]
        return Examples(
            self.vectors[rows], self.wanted[rows], weights / weights.sum(), self.given[rows]
        )


@dataclass(frozen=True, slots=True)
class Head:
    """A direction, (dim,) of length 1, and the parameters that turn a cosine into a probability."""

    direction: NDArray[np.float32]
    steepness: float
    offset: float

    def probability(self, vectors: NDArray[np.float32]) -> Floats:
        """Return the probabilities (n,) that (n, dim) unit vectors show the concept."""
        return np.asarray(1 / (1 + np.exp(-self.logit(vectors))), np.float64)

    def baseline(self) -> ScoreBaseline:
        """Return the head as a baseline whose median is the cosine with probability 0.5.

        The confidence computed from it equals `probability` to within 0.01, because a logistic
        distribution 1.702 times as wide as a normal one is that similar to it.
        """
        return ScoreBaseline(-self.offset / self.steepness, 1.702 / self.steepness)

    def logit(self, vectors: NDArray[np.float32]) -> Floats:
        """Return the log-odds (n,) of `probability`, clipped to prevent overflow."""
        cosines = (vectors @ self.direction).astype(np.float64)
        return np.asarray((self.steepness * cosines + self.offset).clip(-500, 500))


@dataclass(frozen=True, slots=True)
class Validation:
    """The penalty that did best on held-out examples, and its quality on them.

    `auc` is the chance that a wanted example scores above an unwanted one. `accuracy` is the
    balanced accuracy: the mean of the shares of wanted and unwanted examples that are classified
    correctly. Both are 0.5 for guessing, and None with too few examples.
    """

    ridge: float
    auc: float | None
    accuracy: float | None


def without_liked(
    background: NDArray[np.float32], liked: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return those of the (n, dim) background vectors that equal none of the (m, dim) liked."""
    own = np.asarray((background @ liked.T > _SAME).any(axis=1), np.bool_)
    return background[~own]


def learn(examples: Examples) -> tuple[Head, Validation]:
    """Fit a head with the best penalty and calibrate it on held-out examples.

    Without the calibration a head is overconfident about the few examples that it was fitted to.
    Raises ValueError when the examples have nothing in common.
    """
    validation, logits = _validate(examples)
    head = fit(examples, validation.ridge)
    return (head if logits is None else _calibrated(head, examples, logits)), validation


def fit(examples: Examples, ridge: float, start: Head | None = None) -> Head:
    """Fit a head: minimise Σ weight · log loss + ridge / 2 · |w - start|².

    Raises ValueError when the examples have nothing in common.
    """
    basis, rows = _reduced(examples.vectors, start)
    centre = np.zeros(rows.shape[1] + 1)
    if start is not None:
        centre[:-1] = basis @ (start.steepness * start.direction.astype(np.float64))
        centre[-1] = start.offset
    solution = _newton(rows, examples, ridge, centre)
    vector = solution[:-1] @ basis
    length = float(np.linalg.norm(vector))
    if length < 1e-9:
        raise ValueError("the examples have nothing in common that distinguishes them from others")
    return Head(np.asarray(vector / length, np.float32), length, float(solution[-1]))


def area_under_curve(above: Floats, below: Floats) -> float:
    """Return the probability that one of `above` exceeds one of `below`; ties count half."""
    ordered = np.sort(below)
    left = np.searchsorted(ordered, above, side="left")
    right = np.searchsorted(ordered, above, side="right")
    return float((left + right).mean() / (2 * len(below)))


def _validate(examples: Examples) -> tuple[Validation, Floats | None]:
    """Choose the penalty by cross-validation; also return the held-out log-odds (n,).

    The figures come from the same folds that chose the penalty, so they are slightly better than
    on new pictures.
    """
    count = int(examples.wanted.sum())
    if count < 2:
        return Validation(_USUAL_RIDGE, None, None), None
    folds = _folds(examples, min(_FOLDS, count))
    logits = np.array([_held_out(examples, folds, ridge) for ridge in RIDGES])
    sign = np.where(examples.wanted, 1.0, -1.0)
    losses = (examples.weights * np.logaddexp(0, -sign * logits)).sum(axis=1)
    best = int(np.argmin(losses))
    if count < ENOUGH:
        return Validation(RIDGES[best], None, None), None
    wanted, others = logits[best][examples.wanted], logits[best][~examples.wanted]
    accuracy = ((wanted > 0).mean() + (others <= 0).mean()) / 2
    area = area_under_curve(wanted, others)
    return Validation(RIDGES[best], area, float(accuracy)), logits[best]


def _calibrated(head: Head, examples: Examples, logits: Floats) -> Head:
    """Scale and shift a head's log-odds so that they fit held-out examples (Platt scaling)."""
    weights = np.where(examples.wanted, 1.0, _RARE) * examples.weights
    rare = Examples(examples.vectors, examples.wanted, weights / weights.sum(), examples.given)
    # A small penalty keeps the scale finite when the examples are perfectly separable.
    scale, shift = _newton(logits[:, None], rare, 1e-3, np.array([1.0, 0.0]))
    if scale <= 0:  # no better than guessing: keep the order at least
        return head
    return Head(head.direction, float(head.steepness * scale), head.offset * scale + shift)


def _held_out(examples: Examples, folds: NDArray[np.int64], ridge: float) -> Floats:
    """Return each example's log-odds (n,) under the head that was fitted without its fold."""
    logits = np.zeros(len(folds))
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        logits[out] = fit(examples.of(~out), ridge).logit(examples.vectors[out])
    return logits


def _folds(examples: Examples, count: int) -> NDArray[np.int64]:
    """Return each example's fold (n,), stratified by wanted, unwanted and background examples."""
    random = np.random.default_rng(0)
    folds = np.zeros(len(examples.wanted), np.int64)
    kinds = 2 * examples.wanted + examples.given
    for kind in np.unique(kinds):
        rows = random.permutation(np.flatnonzero(kinds == kind))
        folds[rows] = np.arange(len(rows)) % count
    return folds


def _reduced(vectors: NDArray[np.float32], start: Head | None) -> tuple[Floats, Floats]:
    """Return an orthonormal basis (r, dim) that spans the solution, and the vectors (n, r) in it.

    The solution lies in the span of the examples and of `start`, so with fewer examples than
    dimensions a smaller problem gives the same result.
    """
    everything = vectors.astype(np.float64)
    if start is not None:
        everything = np.vstack([everything, start.direction])
    if len(everything) >= everything.shape[1]:
        return np.eye(everything.shape[1]), everything[: len(vectors)]
    basis = np.linalg.qr(everything.T)[0].T
    return basis, vectors.astype(np.float64) @ basis.T


def _newton(rows: Floats, examples: Examples, ridge: float, centre: Floats) -> Floats:
    """Minimise by Newton's method with step halving; the last number is the offset.

    With examples of both kinds the offset is nearly unpenalised. With one kind only, an offset
    alone would explain all of them and the direction would learn nothing, so it is held at its
    start.
    """
    design = np.hstack([rows, np.ones((len(rows), 1))])
    sign = np.where(examples.wanted, 1.0, -1.0)
    one_kind = examples.wanted.all() or not examples.wanted.any()
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 1e6 if one_kind else 1e-6

    def loss(at: Floats) -> float:
        fits = (examples.weights * np.logaddexp(0, -sign * (design @ at))).sum()
        return float(fits + (penalty * (at - centre) ** 2).sum() / 2)

    at = centre.copy()
    current = loss(at)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-(design @ at).clip(-500, 500)))
        gradient = design.T @ (examples.weights * (p - examples.wanted)) + penalty * (at - centre)
        curvature = (examples.weights * p * (1 - p))[:, None] * design
        step = np.linalg.solve(design.T @ curvature + np.diag(penalty), gradient)
        size = 1.0
        while loss(at - size * step) > current and size > 1e-6:
            size /= 2
        at = at - size * step
        before, current = current, loss(at)
        if math.isclose(before, current, rel_tol=1e-10, abs_tol=1e-14):
            break
    return at
