"""Confidence: a hit's score compared with the best scores of queries that match nothing.

A cosine of 0.3 is high for one model and low for another, and means less in a large library than
in a small one. So the baseline is measured on the library itself: the best scores of descriptions
that hardly any library has pictures of (`unlikely.txt`). For queries with an example picture, the
baseline is the cosine between the library's pictures and their nearest neighbours.

A score can be placed in the baseline for every model, but the result is not a probability. So it
is reported as a label (`label_shares`), from the share of unlikely queries that a hit beats. If a
model comes with a calibration, fitted on labelled pictures, the baseline is one of its features
(`retrieval.scoring.calibration`).

From a sample of n out of N pictures, best scores are extrapolated like maxima (Gumbel): they grow
with ln N, at the rate at which they grow from a quarter of the sample to all of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SAMPLE = 16_384
"""At most this many pictures are compared with the unlikely things; scores are extrapolated."""

STRONG_SHARE, POSSIBLE_SHARE = 0.975, 0.75
"""The least shares of unlikely queries that a strong and a possible hit beat."""

STRONG, POSSIBLE = 0.5, 0.2
"""The least probabilities of a strong and a possible hit."""

Match = Literal["strong", "possible", "weak"]

FEWEST = 8
"""A library with fewer pictures is too small for a baseline."""

NEIGHBOURS = 256
"""The number of pictures whose nearest neighbour is measured."""

_SAME = 0.999  # a higher cosine means a copy of the picture, which does not count as a neighbour


@dataclass(frozen=True, slots=True)
class ScoreBaseline:
    """The best scores of queries that match nothing: their median and spread."""

    median: float
    spread: float

    def z(self, score: float) -> float:
        """Return the number of spreads by which a score exceeds the median."""
        return (score - self.median) / self.spread


@dataclass(frozen=True, slots=True)
class ScoreBaselines:
    """A library's baselines under one model, for text queries and for picture queries."""

    text: ScoreBaseline
    picture: ScoreBaseline


@cache
def unlikely_things() -> tuple[str, ...]:
    """Return descriptions of things that hardly any library has pictures of."""
    from importlib import resources  # imported here because most queries do not need it

    lines = (
        resources.files("retrieval.scoring")
        .joinpath("unlikely.txt")
        .read_text("utf-8")
        .splitlines()
    )
    return tuple(line for line in lines if line)


def measure(
    references: NDArray[np.float32], sample: NDArray[np.float32], count: int
) -> ScoreBaselines | None:
    """Measure a library's baselines; None if the library is too small.

    `references` are the (r, dim) unit vectors of `unlikely_things`. `sample` are (n, dim) vectors
    drawn from the whole library, which has `count` vectors.
    """
    if len(sample) < FEWEST:
        return None
    texts = _best(references @ sample.T, count)
    own = np.linspace(0, len(sample) - 1, min(NEIGHBOURS, len(sample))).astype(int)
    near = sample[own] @ sample.T
    near[near > _SAME] = -1.0
    return ScoreBaselines(baseline_of(texts), baseline_of(_best(near, count)))


def shares_beaten(z: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shares (n,) of unlikely queries that hits beat, from the terms' (t, n) z scores.

    Stouffer's method combines several terms: Σ w z / √(Σ w²) is again a z score.
    """
    together = (weights[:, None] * z).sum(axis=0) / np.sqrt((weights**2).sum())
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in together])


def label_shares(shares: NDArray[np.float64]) -> list[Match]:
    """Return the labels of n hits from the shares (n,) of unlikely queries that they beat."""
    return [_label(share, STRONG_SHARE, POSSIBLE_SHARE) for share in shares.tolist()]


def label_probabilities(probabilities: NDArray[np.float64]) -> list[Match]:
    """Return the labels of n hits from the probabilities (n,) that they match."""
    return [_label(p, STRONG, POSSIBLE) for p in probabilities.tolist()]


def _label(value: float, strong: float, possible: float) -> Match:
    return "strong" if value >= strong else "possible" if value >= possible else "weak"


def _best(scores: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Return the best of each row of (r, n) scores, extrapolated to `count` columns."""
    best = np.asarray(scores.max(axis=1), np.float64)
    if count <= scores.shape[1]:
        return best
    quarter = scores[:, ::4].max(axis=1)
    growth = float((best - quarter).mean()) / math.log(4)
    return np.asarray(best + growth * math.log(count / scores.shape[1]), np.float64)


def baseline_of(best: NDArray[np.float64]) -> ScoreBaseline:
    """Return the baseline of best scores (n,), n at least 1.

    Only scores below the median give the spread, because a library may contain some of the
    unlikely things.
    """
    median = float(np.median(best))
    below = best[best < median] - median
    spread = math.sqrt(float((below**2).mean())) if len(below) else 0.0
    return ScoreBaseline(median, max(spread, 1e-4))
