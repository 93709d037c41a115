"""How several terms of a query become one score: the formulas, for plain arrays.

u_i is a term's unit vector, w_i its weight, x a picture's unit vector, s_i = u_i · x.

add         s = v · x with v = Σ w_i u_i / |Σ w_i u_i|: one vector between the terms.
            Texts that come with a picture add d e to this: see below.
concatenate s = β_p v · x + β_t v · y, where y is the vector of the picture's texts and
            β_p = β_t = ½: the cosine of concatenated vectors. A picture without texts gets the
            median of v · y, which is neutral.
multiply    s = Π p_i^(w_i / Σ w): all terms must match; p_i is the calibrated score below.
not         A negative term subtracts w d softplus(A (z - Z0)) from an added score, and multiplies
            a product by (1 - p)^w. Text vectors do not represent negation ("no dog" is near "dog"),
            and subtracting the vector would also subtract what the terms have in common.

The calibrated score of a picture for a term is p = 1 / (1 + exp(-A (z - Z0))), z = (s - m) / d.
m is the median score of the library's pictures for that term. d is their spread below the median,
which pictures that show the term do not widen, because they score above it. A and Z0 were chosen on
drawn scenes, whose contents are known: `benchmarks/fusion.py`.

Texts add e = ½ log(1 + exp(2 (z - Z1))) + B max(b - b0, 0), in spreads d of the pictures' scores.
z compares the vector of the picture's text with those of all texts, and b is the BM25 of the
query's words (`catalogue.texts`). A picture need not look like the words: names of persons are an
example. So a picture that scores below the median m also gains (m - s) (1 - exp(-e)). Nothing here
is negative: a picture without texts keeps its score, and only pictures with matching texts overtake
it. Beyond 8 spreads, e approaches 12, so that no text counts without limit. The spread of texts is
measured over distinct ones. Z1, B and b0 were chosen on photographs of which none, some or all have
a caption, so that the captions of some do not cost the others; reciprocal rank fusion ranks
pictures without texts last: `benchmarks/hybrid.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.vectors import normalise

LEAST_SPREAD = 0.01
"""The least spread of cosines: alike pictures or texts spread less, but then z means nothing."""

STEEPNESS = 1.5
MIDDLE = 2.0
TEXT_MIDDLE = 3.0
LEXICAL, LEXICAL_FLOOR = 0.06, 6.0
EVIDENCE_FREE, EVIDENCE_MOST = 8.0, 12.0
PICTURE_SHARE, TEXT_SHARE = 0.5, 0.5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Background:
    """The scores of a library's pictures for each of t terms: medians and spreads, (t,) each."""

    median: Floats
    spread: Floats

    def z(self, scores: NDArray[np.floating]) -> Floats:
        """Return (t, n) cosines as distances from the median, in spreads; higher is nearer."""
        return (scores.astype(np.float64) - self.median[:, None]) / self.spread[:, None]


def background_of(scores: NDArray[np.floating]) -> Background:
    """Measure the background from (t, n) scores of a sample of the library's pictures, n >= 1.

    The scores are cosines; their spread is at least `LEAST_SPREAD`.
    """
    median = np.median(scores, axis=1)
    below = np.minimum(scores - median[:, None], 0)
    count = np.maximum((below < 0).sum(axis=1), 1)
    spread = np.sqrt((below**2).sum(axis=1) / count)
    return Background(median.astype(np.float64), np.maximum(spread, LEAST_SPREAD, dtype=np.float64))


def combined(vectors: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the unit vector (dim,) of the weighted sum of (t, dim) unit vectors.

    Raises ValueError when the terms cancel out.
    """
    total = (weights[:, None] * vectors).sum(axis=0, keepdims=True)
    return np.asarray(normalise(total.astype(np.float32))[0], np.float32)


def shares(vectors: NDArray[np.float32], weights: NDArray[np.float64]) -> Floats:
    """Return factors (t,): the cosine of `combined` is the terms' cosines weighted by these."""
    length = np.linalg.norm((weights[:, None] * vectors).sum(axis=0))
    return np.asarray(weights / length, np.float64)


def log_present(z: Floats) -> Floats:
    """Return log p: 0 if a picture certainly shows the term, linear in z if it does not."""
    return np.asarray(-np.logaddexp(0, -STEEPNESS * (z - MIDDLE)))


def text_evidence(z: Floats | None, bm25: Floats) -> Floats:
    """Return e (n,) from texts' z scores (n,), -inf for none, and the BM25 (n,) of words.

    e is from 0 to `EVIDENCE_MOST`.
    """
    words = LEXICAL * np.maximum(bm25 - LEXICAL_FLOOR, 0.0)
    evidence = words if z is None else np.logaddexp(0, 2 * (z - TEXT_MIDDLE)) / 2 + words
    room, excess = EVIDENCE_MOST - EVIDENCE_FREE, np.maximum(evidence - EVIDENCE_FREE, 0.0)
    return np.asarray(np.minimum(evidence, EVIDENCE_FREE) - room * np.expm1(-excess / room))


def text_bonus(scores: Floats, median: float, spread: float, evidence: Floats) -> Floats:
    """Return what texts add to scores (n,) with the background `median` and `spread`."""
    deficit = np.maximum(median - scores, 0.0)
    return np.asarray(spread * evidence + deficit * -np.expm1(-evidence))


def log_absent(z: Floats) -> Floats:
    """Return log(1 - p): 0 if a picture certainly does not show the term."""
    return np.asarray(-np.logaddexp(0, STEEPNESS * (z - MIDDLE)))
