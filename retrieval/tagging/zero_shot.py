"""Which of some labels does a picture, or a text, show, or none of them? Without any training.

A label is the mean of what the model makes of it in several sentences (`prompts`): a word alone is
read in more ways than one. An item's cosine with a label says little by itself, for models differ
in how high theirs are and how far apart, and so do items. So it is taken as a distance from the
item's cosines with things that hardly anything shows (`confidence.unlikely_things`):

    z(l)        = (cosine(l) - their mean) / their spread
    present(l)  = e(l) / (e(l) + e(none))           each label by itself: tags
    share(l)    = e(l) / (Σ e(labels) + e(none))    one out of the labels, or none: classification

with e = exp(A z) and z(none) = Z0. A and Z0 were chosen with an earlier built-in model, so that
about half of the tags with a score of 0.5 were right where half of the labels were absent. A
softmax with the unlikely things in place of the distance does worse: what shows a dog is near a yak
and a llama as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.vectors import normalise

STEEPNESS = 2.0
MIDDLE = 2.6

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
    """Unit vectors of the labels (n, dim), and of what stands for none of them (u, dim)."""

    labels: NDArray[np.float32]
    none: NDArray[np.float32]

    def present(self, items: NDArray[np.float32]) -> Floats:
        """Return (m, n) scores in 0..1 of each of (m, dim) items showing each label, or not."""
        odds = STEEPNESS * (self._z(items) - MIDDLE)
        return np.asarray(1 / (1 + np.exp(-odds.clip(-500, 500))), np.float64)

    def shares(self, items: NDArray[np.float32]) -> Floats:
        """Return (m, n) shares of the labels for each item; what lacks to 1 is none of them."""
        odds = STEEPNESS * (self._z(items) - MIDDLE)
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
    """Return unit vectors (n, dim) of n labels from those of all their prompts, in order."""
    per_label = vectors.reshape(len(labels), len(TEMPLATES), -1)
    return normalise(per_label.mean(axis=1))
