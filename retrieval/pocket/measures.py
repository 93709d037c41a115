"""The measures behind all scores of the built-in model: plain numbers over unit rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def recall_at(images: Floats, texts: Floats, depth: int) -> float:
    """Return the share of texts whose own picture is among the `depth` nearest.

    Text i belongs to picture i // (texts per picture). A tie counts against us.
    """
    scores = texts @ images.T
    own = np.arange(len(texts)) // (len(texts) // len(images))
    own_scores = scores[np.arange(len(texts)), own]
    rank = (scores >= own_scores[:, None]).sum(axis=1)
    return float((rank <= depth).mean())


def precision_at(images: Floats, classes: Floats, labels: Sequence[int], depth: int) -> float:
    """Return the mean share of right pictures among the `depth` nearest to a class."""
    nearest = np.argsort(-(classes @ images.T), axis=1)[:, :depth]
    right = np.asarray(labels)[nearest] == np.arange(len(classes))[:, None]
    return float(right.mean())
