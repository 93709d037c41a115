"""Heads: a case worked out by hand, the properties of the minimum, honest figures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from retrieval.scoring.confidence import shares_beaten
from retrieval.scoring.linear_head import Examples, Head, area_under_curve, fit, learn
from retrieval.vectors import normalise


def examples(count: int, dim: int = 32, apart: float = 3.0, others: int = 60) -> Examples:
    """Wanted examples lie `apart` spreads of one axis away from the others."""
    random = np.random.default_rng(count)
    vectors = random.normal(size=(count + others, dim)).astype(np.float32)
    vectors[:count, 0] += apart
    wanted = np.arange(count + others) < count
    weights = np.where(wanted, 0.5 / count, 0.5 / others)
    return Examples(normalise(vectors), wanted, weights, wanted)


def test_two_examples_worked_out_by_hand() -> None:
    # Two opposite unit vectors of weight 1/2: w = (a, 0), and a solves 1 / (1 + e^a) = ridge a.
    two = Examples(
        np.array([[1, 0], [-1, 0]], np.float32),
        np.array([True, False]),
        np.array([0.5, 0.5]),
        np.array([True, True]),
    )
    head = fit(two, 0.1)
    assert head.direction.tolist() == pytest.approx([1, 0], abs=1e-6)
    assert 1 / (1 + math.exp(head.steepness)) == pytest.approx(0.1 * head.steepness)
    assert head.offset == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("dim", [8, 200])
def test_the_fit_is_the_minimum(dim: int) -> None:
    given = examples(10, dim)
    head = fit(given, 0.01)

    def loss(vector: np.ndarray, offset: float) -> float:
        sign = np.where(given.wanted, 1, -1)
        logits = given.vectors.astype(float) @ vector + offset
        return float(
            (given.weights * np.logaddexp(0, -sign * logits)).sum() + 0.005 * vector @ vector
        )

    best = head.steepness * head.direction.astype(float)
    random = np.random.default_rng(0)
    for _ in range(20):
        nudge = random.normal(size=dim + 1) * 1e-3
        assert loss(best, head.offset) <= loss(best + nudge[:-1], head.offset + nudge[-1]) + 1e-9


def test_a_strong_penalty_stays_with_the_start() -> None:
    given = examples(5)
    start = Head(normalise(np.ones((1, 32), np.float32))[0], 10.0, -2.0)
    near, far = fit(given, 100.0, start), fit(given, 0.001, start)
    assert near.direction @ start.direction > 0.999
    assert near.steepness == pytest.approx(10, abs=0.1)
    assert far.direction @ start.direction < 0.9


def test_examples_without_anything_in_common_are_refused() -> None:
    same = np.full((2, 4), 0.5, np.float32)
    one = np.array([0.5, 0.5])
    with pytest.raises(ValueError, match="in common"):
        fit(Examples(same, np.array([True, False]), one, np.array([True, True])), 0.01)


def test_cross_validation_tells_good_from_worthless() -> None:
    good, random = learn(examples(20, apart=5))[1], learn(examples(20, apart=0))[1]
    assert good.auc is not None
    assert random.auc is not None
    assert good.auc > 0.95
    assert 0.25 < random.auc < 0.75


@pytest.mark.parametrize("count", [1, 2, 3])
def test_too_few_examples_say_nothing(count: int) -> None:
    head, validated = learn(examples(count))
    assert validated.auc is None
    assert validated.accuracy is None
    assert head.direction[0] == head.direction.max()


def test_the_probability_is_calibrated_for_what_is_rare() -> None:
    head, _ = learn(examples(20, apart=2))
    fresh = examples(2000, apart=2, others=20_000)
    likely = head.probability(fresh.vectors)
    sure = likely > 0.5
    assert fresh.wanted[sure].mean() > 0.4
    assert likely.mean() < 0.1, "a tenth of them is wanted, and it takes that for much"


def test_the_baseline_of_a_head_gives_its_probability() -> None:
    head = Head(np.array([1, 0], np.float32), 7.0, -3.0)
    cosines = np.linspace(-1, 1, 21)
    vectors = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1).astype(np.float32)
    baseline = head.baseline()
    z = np.array([[baseline.z(cosine) for cosine in cosines]])
    assert shares_beaten(z, np.ones(1)) == pytest.approx(head.probability(vectors), abs=0.01)


def test_area_under_curve_counts_pairs() -> None:
    assert area_under_curve(np.array([2.0, 1.0]), np.array([1.0, 0.0])) == (1 + 1 + 0.5 + 1) / 4
