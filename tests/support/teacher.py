"""A sentence model that can be checked by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.pocket.train.pretrained import SENTENCE_DIM
from retrieval.vectors import normalise


def sentence_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """Stand in for the sentence model: a direction for each word, and their sum for a text."""
    rows = np.zeros((len(texts), SENTENCE_DIM), np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in ["", *text.lower().split()]:
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
            row += np.random.default_rng(seed).normal(size=SENTENCE_DIM)
    return normalise(rows)
