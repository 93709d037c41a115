"""How sure a hit is: its score against the best scores of things that are not there.

A cosine of 0.3 is a lot for one model and little for another, more in a large library than in a
small one. So the library itself is asked for things that hardly anybody has pictures of
(`unlikely.txt`); the best scores that those get are what a question gets that nothing matches. A
hit's confidence is the share of such questions that it beats: 0.5 is as good as nothing, 0.99
better than 99 of 100 of them. For questions with an example picture the null is how near the
library's pictures are to their nearest neighbour.

With a sample of n out of N pictures, best scores are extrapolated as maxima are (Gumbel): they
grow with ln N, at the rate at which they grow from a quarter of the sample to all of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

SAMPLE = 16_384
"""So many pictures are compared with the unlikely things; more are extrapolated."""

FEWEST = 8
"""A library with fewer pictures is too small to say."""

NEIGHBOURS = 256
"""So many pictures are asked for their nearest neighbour."""

_SAME = 0.999  # a copy under another content is no neighbour


@dataclass(frozen=True, slots=True)
class Null:
    """The best scores of questions that nothing matches: their median and spread."""

    middle: float
    spread: float

    def z(self, score: float) -> float:
        """Return how many spreads a score lies above the median."""
        return (score - self.middle) / self.spread


@dataclass(frozen=True, slots=True)
class Nulls:
    """The nulls of a library under one model, for questions in words and with a picture."""

    text: Null
    picture: Null


@cache
def unlikely_things() -> tuple[str, ...]:
    """Return descriptions of what hardly any library has pictures of."""
    from importlib import resources  # a question needs none of its many parts

    lines = resources.files("retrieval").joinpath("unlikely.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if line)


def measure(
    references: NDArray[np.float32], sample: NDArray[np.float32], count: int
) -> Nulls | None:
    """Measure a library's nulls; None for a library too small to say.

    `references` are the (r, dim) unit vectors of `unlikely_things`, `sample` (n, dim) vectors from
    all over the library, which has `count` of them.
    """
    if len(sample) < FEWEST:
        return None
    texts = _best(references @ sample.T, count)
    own = np.linspace(0, len(sample) - 1, min(NEIGHBOURS, len(sample))).astype(int)
    near = sample[own] @ sample.T
    near[near > _SAME] = -1.0
    return Nulls(null_of(texts), null_of(_best(near, count)))


def confidence(z: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the confidence (n,) of hits from the (t, n) z scores of their terms.

    Several terms are combined by Stouffer's method: Σ w z / √(Σ w²) is again a z score.
    """
    together = (weights[:, None] * z).sum(axis=0) / np.sqrt((weights**2).sum())
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in together])


def _best(scores: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Return the best of each row of (r, n) scores, as it would be among `count` columns."""
    best = np.asarray(scores.max(axis=1), np.float64)
    if count <= scores.shape[1]:
        return best
    quarter = scores[:, ::4].max(axis=1)
    growth = float((best - quarter).mean()) / math.log(4)
    return np.asarray(best + growth * math.log(count / scores.shape[1]), np.float64)


def null_of(best: NDArray[np.float64]) -> Null:
    """Return the null of best scores (n,), at least one.

    The spread is taken from below the median: some of the unlikely things are there after all.
    """
    middle = float(np.median(best))
    below = best[best < middle] - middle
    spread = math.sqrt(float((below**2).mean())) if len(below) else 0.0
    return Null(middle, max(spread, 1e-4))
