"""How several terms of a question become one score: the formulas, on plain arrays.

u_i is a term's unit vector, w_i its weight, x a picture's unit vector, s_i = u_i · x.

add         s = v · x with v = Σ w_i u_i / |Σ w_i u_i|: one vector that lies between the terms.
            To this, texts that come with a picture add d e: see below.
concatenate s = β_p v · x + β_t v · y, y the vector of the picture's texts (β_p = β_t = ½): a cosine
            of the two vectors end to end. A picture without texts has the median of v · y, which
            speaks neither for it nor against it.
multiply    s = Π p_i^(w_i / Σ w): every term must agree; p_i is the calibrated score below.
not         a term that must not be there takes w d softplus(A (z - Z0)) off an added score, and
            counts as (1 - p)^w in a product. Vectors of texts do not know negation ("no dog" lies
            near "dog"), and taking the vector away also takes away what both have in common.

The calibrated score of a picture for a term is p = 1 / (1 + exp(-A (z - Z0))), z = (s - m) / d,
where m is the median score of the library's pictures for that term and d their spread below the
median: pictures that do show it are above, so they do not widen it. A and Z0 were chosen on drawn
scenes, whose contents are known: `benchmarks/fusion.py`.

What texts add is e = ½ log(1 + exp(2 (z - Z1))) + B max(b - b0, 0), for z of the text's own vector
against those of all texts, and b the BM25 of its words (`catalogue.texts`); in spreads d of the
pictures' scores. A picture that looks nothing like the words, as names of persons do not, also gets
back (m - s) (1 - exp(-e)) of what it scores below the median m. Nothing of this is ever negative: a
picture that nobody described keeps its score, and is only passed by those whose texts fit. Chosen
on photographs of which none, some or all have a caption, as B was, against reciprocal ranks, which
bury what has no text: `benchmarks/hybrid.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.vectors import normalise

STEEPNESS = 1.5
MIDDLE = 2.0
TEXT_MIDDLE = 3.0
LEXICAL, LEXICAL_FLOOR = 0.06, 6.0
PICTURE_SHARE, TEXT_SHARE = 0.5, 0.5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Background:
    """How all the pictures of a library score for each of t terms: (t,) medians and spreads."""

    median: Floats
    spread: Floats

    def z(self, scores: NDArray[np.floating]) -> Floats:
        """Return (t, n) cosines as distances from the median, in spreads."""
        return (scores.astype(np.float64) - self.median[:, None]) / self.spread[:, None]


def background_of(scores: NDArray[np.floating]) -> Background:
    """Measure the background from (t, n) scores of a sample of the library's pictures, n >= 1."""
    median = np.median(scores, axis=1)
    below = np.minimum(scores - median[:, None], 0)
    count = np.maximum((below < 0).sum(axis=1), 1)
    spread = np.sqrt((below**2).sum(axis=1) / count)
    return Background(median.astype(np.float64), np.maximum(spread, 1e-6).astype(np.float64))


def combined(vectors: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the unit vector (dim,) of the weighted sum of (t, dim) unit vectors.

    ValueError when the terms cancel out.
    """
    total = (weights[:, None] * vectors).sum(axis=0, keepdims=True)
    return np.asarray(normalise(total.astype(np.float32))[0], np.float32)


def shares(vectors: NDArray[np.float32], weights: NDArray[np.float64]) -> Floats:
    """Return (t,) factors with which the terms' cosines sum up to the cosine of `combined`."""
    length = np.linalg.norm((weights[:, None] * vectors).sum(axis=0))
    return np.asarray(weights / length, np.float64)


def log_present(z: Floats) -> Floats:
    """Return log p: 0 where a picture surely shows the term, falling straight where it does not."""
    return np.asarray(-np.logaddexp(0, -STEEPNESS * (z - MIDDLE)))


def text_evidence(z: Floats | None, bm25: Floats) -> Floats:
    """Return e (n,) >= 0 from texts' z scores (n,), -inf for none, and the BM25 (n,) of words."""
    words = LEXICAL * np.maximum(bm25 - LEXICAL_FLOOR, 0.0)
    return np.asarray(words if z is None else np.logaddexp(0, 2 * (z - TEXT_MIDDLE)) / 2 + words)


def text_bonus(scores: Floats, median: float, spread: float, evidence: Floats) -> Floats:
    """Return what texts add to pictures' scores (n,), whose background is `median` and `spread`."""
    short = np.maximum(median - scores, 0.0)
    return np.asarray(spread * evidence + short * -np.expm1(-evidence))


def log_absent(z: Floats) -> Floats:
    """Return log(1 - p): 0 where a picture surely does not show the term."""
    return np.asarray(-np.logaddexp(0, STEEPNESS * (z - MIDDLE)))
