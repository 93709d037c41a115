"""The measures for the scores of the built-in model, computed on unit rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def recall_at(images: Floats, texts: Floats, depth: int) -> float:
    """Return the share of texts (0 to 1) whose own picture is among the `depth` nearest.

    Text i belongs to picture i // (texts per picture). A tie counts as a miss.
    """
    scores = texts @ images.T
    own = np.arange(len(texts)) // (len(texts) // len(images))
    own_scores = scores[np.arange(len(texts)), own]
    rank = (scores >= own_scores[:, None]).sum(axis=1)
    return float((rank <= depth).mean())


def precision_at(images: Floats, classes: Floats, labels: Sequence[int], depth: int) -> float:
    """Return the mean share (0 to 1) of correct pictures among the `depth` nearest to a class.

    Row i of `classes` belongs to the label i; `labels` are those of the pictures.
    """
    nearest = np.argsort(-(classes @ images.T), axis=1)[:, :depth]
    right = np.asarray(labels)[nearest] == np.arange(len(classes))[:, None]
    return float(right.mean())
