"""What the objectives of pictures and of texts share: the data, the space and random draws."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from retrieval.pocket.train.material import Material
from retrieval.pocket.train.space import Space

Rows = NDArray[np.int64]


class Objective:
    """Draws batches from the material and computes losses in the space."""

    def __init__(self, material: Material, space: Space, rng: np.random.Generator) -> None:
        self.material, self.space, self.rng = material, space, rng
        corpus = material.corpus
        # All captions as text numbers, and for each the photograph that it describes.
        self._captions = np.array([text for texts in corpus.captions for text in texts])
        counts = [len(texts) for texts in corpus.captions]
        self._owners = np.repeat(np.arange(len(counts)), counts)
        self._shows = torch.from_numpy(corpus.shows)

    def _pick(self, count: int, wanted: int) -> Rows:
        """Return `wanted` of `count` rows at random, or all rows if there are fewer."""
        return self.rng.choice(count, min(wanted, count), replace=False)
