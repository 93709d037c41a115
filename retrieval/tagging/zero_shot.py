"""Zero-shot classification: which of some labels a picture or text shows, or none of them.

A judge gives the log odds that an item shows a label. Two things follow from those, with e as the
odds:

    present(l)  = e(l) / (e(l) + 1)             each label by itself: tags
    share(l)    = e(l) / (Σ e(labels) + 1)      one out of the labels, or none: classification

`CalibratedLabels` judges pictures by the calibration of the library's model, so these are
probabilities. `ZeroShot` judges texts, and pictures where there is no calibration. A cosine between
item and label says little by itself: level and spread of cosines differ between models and between
items. So it is compared with the item's cosines with things that hardly any picture shows
(`confidence.unlikely_things`):

    z(l)        = (cosine(l) - their mean) / their standard deviation
    log odds    = A (z(l) - Z0)

A and Z0 were chosen with an earlier built-in model, so that about half of the tags with a score of
0.5 were right when half of the labels were absent. A softmax over labels and unlikely things does
worse: a picture of a dog is near to a yak and a llama, too. In both, a label's vector is the mean
over several sentences with it, because a single word is ambiguous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.scoring.calibration import (
    Calibration,
    PromptEnsemble,
    UnlikelyScores,
    features,
    probability_of,
)
from retrieval.scoring.confidence import ScoreBaseline
from retrieval.vectors import normalise, pairwise_cosines

STEEPNESS = 2.0
MIDPOINT = 2.6

TEMPLATES = (
    "{}",
    "{a}",
    "a photo of {a}",
    "a picture of the {}",
    "{a}, seen close up",
    "there is {a} in this picture",
)

Floats = NDArray[np.float64]


class Judge(Protocol):
    """Judges which labels items show."""

    def odds(self, items: NDArray[np.float32]) -> Floats:
        """Return the log odds (m, n) that each of (m, dim) items shows each label."""
        ...


def present(odds: Floats) -> Floats:
    """Return scores (m, n), 0 to 1, of each of m items for each label by itself."""
    return probability_of(odds)


def shares(odds: Floats) -> Floats:
    """Return shares (m, n) of the labels for each item; the rest to 1 is none of them."""
    total = np.logaddexp(np.logaddexp.reduce(odds, axis=1, keepdims=True), 0.0)
    return np.asarray(np.exp(odds - total), np.float64)


@dataclass(frozen=True, slots=True)
class ZeroShot:
    """Unit vectors of the labels (n, dim), and of texts that stand for none of them (u, dim)."""

    labels: NDArray[np.float32]
    none: NDArray[np.float32]

    def odds(self, items: NDArray[np.float32]) -> Floats:
        """Return the log odds (m, n) that each of (m, dim) items shows each label."""
        others = (items @ self.none.T).astype(np.float64)
        spread = np.maximum(others.std(axis=1, keepdims=True), 1e-6)
        cosines = (items @ self.labels.T).astype(np.float64)
        z = (cosines - others.mean(axis=1, keepdims=True)) / spread
        return np.asarray(STEEPNESS * (z - MIDPOINT), np.float64)


@dataclass(frozen=True, slots=True)
class CalibratedLabels:
    """Labels with the ensembles of their phrasings, and what the model's calibration needs.

    `none` are the vectors of unlikely things (u, dim), `baseline` that of the library for texts.
    """

    labels: Sequence[str]
    ensembles: Sequence[PromptEnsemble]
    none: NDArray[np.float32]
    baseline: ScoreBaseline
    calibration: Calibration

    def odds(self, items: NDArray[np.float32]) -> Floats:
        """Return the log odds (m, n) that each of (m, dim) pictures shows each label."""
        others = UnlikelyScores.of((items @ self.none.T).astype(np.float64))
        vectors = np.stack([each.vector for each in self.ensembles]).astype(np.float32)
        odds = pairwise_cosines(items, vectors).astype(np.float64)
        for column, (label, each) in enumerate(zip(self.labels, self.ensembles, strict=True)):
            found = features(label, odds[:, column], each.agreement, self.baseline, others)
            odds[:, column] = self.calibration.hits(label).odds(found)
        return odds


def prompts(label: str) -> list[str]:
    """Return a label in several sentences."""
    article = "an" if label[:1].lower() in "aeiou" else "a"
    return [template.format(label, a=f"{article} {label}") for template in TEMPLATES]


def mean_of_prompts(vectors: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.float32]:
    """Return unit vectors (n, dim) of n labels from the vectors of all their prompts, in order."""
    per_label = vectors.reshape(len(labels), len(TEMPLATES), -1)
    return normalise(per_label.mean(axis=1))
