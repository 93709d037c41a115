"""A linear head on frozen vectors: what a few examples have in common, as a direction.

Logistic regression with an L2 penalty, solved by Newton's method. A picture's unit vector x shows
the concept with p = 1 / (1 + exp(-(steepness u · x + offset))), u a unit vector: a head ranks
pictures just as u does as a question's vector. The penalty pulls towards zero or, for feedback on
a question, towards the head that the question is by itself.

>>> head, validated = learn(examples)  # doctest: +SKIP
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
"""Penalties that cross-validation chooses from, the strongest first."""

_USUAL_RIDGE = 0.003
_RARE = 50.0
"""A picture shows a concept in one of so many cases: what a calibrated probability supposes."""

ENOUGH = 4
"""With fewer wanted examples, how well a head was learned cannot be said."""

BACKGROUND = 256
"""So many pictures of a library are weak counter-examples."""

_SAME = 0.999
_FOLDS = 5
_STEPS = 30


@dataclass(frozen=True, slots=True)
class Examples:
    """(n, dim) unit vectors, (n,) whether each is wanted, and (n,) weights that sum to 1.

    `given` (n,) tells what a person chose from what is only background.
    """

    vectors: NDArray[np.float32]
    wanted: NDArray[np.bool_]
    weights: Floats
    given: NDArray[np.bool_]

    def of(self, rows: NDArray[np.bool_]) -> Examples:
        """Return some of the examples, weights summing to 1 again."""
        weights = self.weights[rows]
        return Examples(
            self.vectors[rows], self.wanted[rows], weights / weights.sum(), self.given[rows]
        )


@dataclass(frozen=True, slots=True)
class Head:
    """A direction, (dim,) of length 1, and how its cosine becomes a probability."""

    direction: NDArray[np.float32]
    steepness: float
    offset: float

    def probability(self, vectors: NDArray[np.float32]) -> Floats:
        """Return how likely (n,) each of (n, dim) unit vectors shows the concept."""
        return np.asarray(1 / (1 + np.exp(-self.logit(vectors))), np.float64)

    def baseline(self) -> ScoreBaseline:
        """Return the head as a baseline: what is as likely as not lies at its median.

        The confidence that follows from it is `probability` to within 0.01, for the normal
        distribution and the logistic one, 1.702 times as wide, are that alike.
        """
        return ScoreBaseline(-self.offset / self.steepness, 1.702 / self.steepness)

    def logit(self, vectors: NDArray[np.float32]) -> Floats:
        """Return the log-odds (n,) of `probability`, cut where they would overflow."""
        cosines = (vectors @ self.direction).astype(np.float64)
        return np.asarray((self.steepness * cosines + self.offset).clip(-500, 500))


@dataclass(frozen=True, slots=True)
class Validated:
    """The penalty that did best on examples left out, and how good it was on them.

    `auc` is the chance that a wanted example scores above one that is not, `accuracy` the mean of
    the shares of both that are told right; both 0.5 for guessing. None with too few examples.
    """

    ridge: float
    auc: float | None
    accuracy: float | None


def apart(background: NDArray[np.float32], liked: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return those of (n, dim) vectors that are none of the (m, dim) liked ones."""
    own = np.asarray((background @ liked.T > _SAME).any(axis=1), np.bool_)
    return background[~own]


def learn(examples: Examples) -> tuple[Head, Validated]:
    """Fit a head with the penalty that does best, and calibrate it on examples left out.

    A few examples are told from others too surely by the head that they were fitted to. ValueError
    when the examples have nothing in common.
    """
    validated, logits = _validate(examples)
    head = fit(examples, validated.ridge)
    return (head if logits is None else _calibrated(head, examples, logits)), validated


def fit(examples: Examples, ridge: float, start: Head | None = None) -> Head:
    """Fit a head: the least Σ weight · log loss + ridge / 2 · |w - start|²."""
    basis, rows = _reduced(examples.vectors, start)
    centre = np.zeros(rows.shape[1] + 1)
    if start is not None:
        centre[:-1] = basis @ (start.steepness * start.direction.astype(np.float64))
        centre[-1] = start.offset
    solution = _newton(rows, examples, ridge, centre)
    vector = solution[:-1] @ basis
    length = float(np.linalg.norm(vector))
    if length < 1e-9:
        raise ValueError("the examples have nothing in common that tells them from the others")
    return Head(np.asarray(vector / length, np.float32), length, float(solution[-1]))


def area_under_curve(above: Floats, below: Floats) -> float:
    """Return the chance that one of `above` is larger than one of `below`; ties count half."""
    ordered = np.sort(below)
    left = np.searchsorted(ordered, above, side="left")
    right = np.searchsorted(ordered, above, side="right")
    return float((left + right).mean() / (2 * len(below)))


def _validate(examples: Examples) -> tuple[Validated, Floats | None]:
    """Choose the penalty by cross-validation; return the log-odds (n,) of examples left out, too.

    The figures are those of the chosen penalty on the very folds it was chosen on, a hair
    better than they will be on new pictures.
    """
    count = int(examples.wanted.sum())
    if count < 2:
        return Validated(_USUAL_RIDGE, None, None), None
    folds = _folds(examples, min(_FOLDS, count))
    logits = np.array([_left_out(examples, folds, ridge) for ridge in RIDGES])
    sign = np.where(examples.wanted, 1.0, -1.0)
    losses = (examples.weights * np.logaddexp(0, -sign * logits)).sum(axis=1)
    best = int(np.argmin(losses))
    if count < ENOUGH:
        return Validated(RIDGES[best], None, None), None
    wanted, others = logits[best][examples.wanted], logits[best][~examples.wanted]
    accuracy = ((wanted > 0).mean() + (others <= 0).mean()) / 2
    area = area_under_curve(wanted, others)
    return Validated(RIDGES[best], area, float(accuracy)), logits[best]


def _calibrated(head: Head, examples: Examples, logits: Floats) -> Head:
    """Stretch and shift a head's log-odds so that they fit examples that were left out."""
    weights = np.where(examples.wanted, 1.0, _RARE) * examples.weights
    rare = Examples(examples.vectors, examples.wanted, weights / weights.sum(), examples.given)
    # A little penalty keeps the stretch finite where the examples are told apart without fault.
    stretch, shift = _newton(logits[:, None], rare, 1e-3, np.array([1.0, 0.0]))
    if stretch <= 0:  # no better than guessing: at least the order stays
        return head
    return Head(head.direction, float(head.steepness * stretch), head.offset * stretch + shift)


def _left_out(examples: Examples, folds: NDArray[np.int64], ridge: float) -> Floats:
    """Return each example's log-odds under the head that was fitted without its fold."""
    logits = np.zeros(len(folds))
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        logits[out] = fit(examples.of(~out), ridge).logit(examples.vectors[out])
    return logits


def _folds(examples: Examples, count: int) -> NDArray[np.int64]:
    """Deal wanted, unwanted and background examples out evenly, each kind on its own."""
    random = np.random.default_rng(0)
    folds = np.zeros(len(examples.wanted), np.int64)
    kinds = 2 * examples.wanted + examples.given
    for kind in np.unique(kinds):
        rows = random.permutation(np.flatnonzero(kinds == kind))
        folds[rows] = np.arange(len(rows)) % count
    return folds


def _reduced(vectors: NDArray[np.float32], start: Head | None) -> tuple[Floats, Floats]:
    """Return an orthonormal basis (r, dim) of all that matters, and the vectors (n, r) in it.

    A solution lies in the span of the examples and of what it is pulled towards, so with fewer
    examples than dimensions nothing larger need be solved.
    """
    everything = vectors.astype(np.float64)
    if start is not None:
        everything = np.vstack([everything, start.direction])
    if len(everything) >= everything.shape[1]:
        return np.eye(everything.shape[1]), everything[: len(vectors)]
    basis = np.linalg.qr(everything.T)[0].T
    return basis, vectors.astype(np.float64) @ basis.T


def _newton(rows: Floats, examples: Examples, ridge: float, centre: Floats) -> Floats:
    """Minimise by Newton's method with halved steps; the last number is the offset.

    It is free where there are examples of both kinds. Of one kind alone all would be explained by
    the offset, and nothing learned about the direction, so there it is held.
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
