"""Zero-shot classification: which of some labels a picture or text shows, or none of them.

A label's vector is the mean over several sentences with it (`prompts`), because a single word is
ambiguous. A cosine between item and label says little by itself: level and spread of cosines differ
between models and between items. So it is compared with the item's cosines with things that hardly
any picture shows (`confidence.unlikely_things`):

    z(l)        = (cosine(l) - their mean) / their standard deviation
    present(l)  = e(l) / (e(l) + e(none))           each label by itself: tags
    share(l)    = e(l) / (Σ e(labels) + e(none))    one out of the labels, or none: classification

with e = exp(A z) and z(none) = Z0. A and Z0 were chosen with an earlier built-in model, so that
about half of the tags with a score of 0.5 were right when half of the labels were absent. A
softmax over labels and unlikely things does worse: a picture of a dog is near to a yak and a llama,
too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.vectors import normalise

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


@dataclass(frozen=True, slots=True)
class ZeroShot:
    """Unit vectors of the labels (n, dim), and of texts that stand for none of them (u, dim)."""

    labels: NDArray[np.float32]
    none: NDArray[np.float32]

    def present(self, items: NDArray[np.float32]) -> Floats:
        """Return scores (m, n), 0 to 1, of each of (m, dim) items for each label by itself."""
        odds = STEEPNESS * (self._z(items) - MIDPOINT)
        return np.asarray(1 / (1 + np.exp(-odds.clip(-500, 500))), np.float64)

    def shares(self, items: NDArray[np.float32]) -> Floats:
        """Return shares (m, n) of the labels for each item; the rest to 1 is none of them."""
        odds = STEEPNESS * (self._z(items) - MIDPOINT)
        total = np.logaddexp(np.logaddexp.reduce(odds, axis=1, keepdims=True), 0.0)
        return np.asarray(np.exp(odds - total), np.float64)

    def _z(self, items: NDArray[np.float32]) -> Floats:
        others = (items @ self.none.T).astype(np.float64)
        spread = np.maximum(others.std(axis=1, keepdims=True), 1e-6)
        cosines = (items @ self.labels.T).astype(np.float64)
        return np.asarray((cosines - others.mean(axis=1, keepdims=True)) / spread)


def prompts(label: str) -> list[str]:
    """Return a label in several sentences."""
    article = "an" if label[:1].lower() in "aeiou" else "a"
    return [template.format(label, a=f"{article} {label}") for template in TEMPLATES]


def mean_of_prompts(vectors: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.float32]:
    """Return unit vectors (n, dim) of n labels from the vectors of all their prompts, in order."""
    per_label = vectors.reshape(len(labels), len(TEMPLATES), -1)
    return normalise(per_label.mean(axis=1))
