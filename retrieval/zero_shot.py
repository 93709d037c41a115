"""Which of some labels does a picture, or a text, show, or none of them? Without any training.

A label is the mean of what the model makes of it in several sentences (`prompts`): a word alone is
read in more ways than one. An item's cosine with a label says little by itself, so it competes
with those of things that hardly anything shows (`confidence.unlikely_things`):

    present(l)  = e(l) / (e(l) + Σ e(u))            each label by itself: tags
    share(l)    = e(l) / (Σ e(labels) + Σ e(u))     one out of the labels, or none: classification

with e(x) = exp(SHARPNESS · cosine(x) / spread), and spread that of the item's cosines with the
unlikely things u: models differ in how far apart their cosines lie. SHARPNESS is so that about as
many tags of a score are right as the score says (Caltech-101, half of its classes absent).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.vectors import normalise

SHARPNESS = 3.0

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
        labels, none = self._compete(items)
        return np.asarray(1 / (1 + np.exp((none - labels).clip(-500, 500))), np.float64)

    def shares(self, items: NDArray[np.float32]) -> Floats:
        """Return (m, n) shares of the labels for each item; what lacks to 1 is none of them."""
        labels, none = self._compete(items)
        total = np.logaddexp(np.logaddexp.reduce(labels, axis=1, keepdims=True), none)
        return np.asarray(np.exp(labels - total), np.float64)

    def _compete(self, items: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Return (m, n) exponents of the labels and (m, 1) of the unlikely things together."""
        others = (items @ self.none.T).astype(np.float64)
        scale = SHARPNESS / np.maximum(others.std(axis=1, keepdims=True), 1e-6)
        labels = (items @ self.labels.T).astype(np.float64)
        return labels * scale, np.logaddexp.reduce(others * scale, axis=1, keepdims=True)


def prompts(label: str) -> list[str]:
    """Return a label in several sentences."""
    article = "an" if label[:1].lower() in "aeiou" else "a"
    return [template.format(label, a=f"{article} {label}") for template in TEMPLATES]


def mean_of_prompts(vectors: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.float32]:
    """Return unit vectors (n, dim) of n labels from those of all their prompts, in order."""
    per_label = vectors.reshape(len(labels), len(TEMPLATES), -1)
    return normalise(per_label.mean(axis=1))
