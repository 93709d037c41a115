"""How sure a hit is: its score against the best scores of things that are not there.

A cosine of 0.3 is a lot for one model and little for another, more in a large library than in a
small one. So the library itself is asked for things that hardly anybody has pictures of
(`unlikely.txt`); the best scores that those get are what a question gets that nothing matches: the
baseline. For questions with an example picture it is how near the library's pictures are to their
nearest neighbour.

How a score lies in its baseline can be said of every model, but it is no probability. So by itself
it is said in words (`in_words`), from the share of unlikely questions that a hit beats. Where a
model brings a calibration, fitted on labelled pictures, the baseline is one of the things from
which that tells how likely a hit shows what was asked (`retrieval.scoring.calibration`).

With a sample of n out of N pictures, best scores are extrapolated as maxima are (Gumbel): they
grow with ln N, at the rate at which they grow from a quarter of the sample to all of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SAMPLE = 16_384
"""So many pictures are compared with the unlikely things; more are extrapolated."""

STRONG_SHARE, POSSIBLE_SHARE = 0.975, 0.75
"""From these shares of unlikely questions on that it beats, a hit is called strong, or possible."""

STRONG, POSSIBLE = 0.5, 0.2
"""From these probabilities on a hit is called strong, or possible."""

Match = Literal["strong", "possible", "weak"]

FEWEST = 8
"""A library with fewer pictures is too small to say."""

NEIGHBOURS = 256
"""So many pictures are asked for their nearest neighbour."""

_SAME = 0.999  # a copy under another content is no neighbour


@dataclass(frozen=True, slots=True)
class ScoreBaseline:
    """The best scores of questions that nothing matches: their median and spread."""

    median: float
    spread: float

    def z(self, score: float) -> float:
        """Return how many spreads a score lies above the median."""
        return (score - self.median) / self.spread


@dataclass(frozen=True, slots=True)
class ScoreBaselines:
    """The baselines of a library under one model, for questions in words and with a picture."""

    text: ScoreBaseline
    picture: ScoreBaseline


@cache
def unlikely_things() -> tuple[str, ...]:
    """Return descriptions of what hardly any library has pictures of."""
    from importlib import resources  # a question needs none of its many parts

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
    """Measure a library's baselines; None for a library too small to say.

    `references` are the (r, dim) unit vectors of `unlikely_things`, `sample` (n, dim) vectors from
    all over the library, which has `count` of them.
    """
    if len(sample) < FEWEST:
        return None
    texts = _best(references @ sample.T, count)
    own = np.linspace(0, len(sample) - 1, min(NEIGHBOURS, len(sample))).astype(int)
    near = sample[own] @ sample.T
    near[near > _SAME] = -1.0
    return ScoreBaselines(baseline_of(texts), baseline_of(_best(near, count)))


def beaten(z: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shares (n,) of unlikely questions that hits beat, from their terms' (t, n) z.

    Several terms are combined by Stouffer's method: Σ w z / √(Σ w²) is again a z score.
    """
    together = (weights[:, None] * z).sum(axis=0) / np.sqrt((weights**2).sum())
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in together])


def in_words(shares: NDArray[np.float64]) -> list[Match]:
    """Say in words how well hits fit, from shares (n,) of unlikely questions that they beat."""
    return [_word(share, STRONG_SHARE, POSSIBLE_SHARE) for share in shares.tolist()]


def likely_in_words(probabilities: NDArray[np.float64]) -> list[Match]:
    """Say in words how well hits fit, from the probabilities (n,) that they do."""
    return [_word(p, STRONG, POSSIBLE) for p in probabilities.tolist()]


def _word(value: float, strong: float, possible: float) -> Match:
    return "strong" if value >= strong else "possible" if value >= possible else "weak"


def _best(scores: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Return the best of each row of (r, n) scores, as it would be among `count` columns."""
    best = np.asarray(scores.max(axis=1), np.float64)
    if count <= scores.shape[1]:
        return best
    quarter = scores[:, ::4].max(axis=1)
    growth = float((best - quarter).mean()) / math.log(4)
    return np.asarray(best + growth * math.log(count / scores.shape[1]), np.float64)


def baseline_of(best: NDArray[np.float64]) -> ScoreBaseline:
    """Return the baseline of best scores (n,), at least one.

    The spread is taken from below the median: some of the unlikely things are there after all.
    """
    median = float(np.median(best))
    below = best[best < median] - median
    spread = math.sqrt(float((below**2).mean())) if len(below) else 0.0
    return ScoreBaseline(median, max(spread, 1e-4))
