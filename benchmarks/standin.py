"""An encoder that takes no time, for measuring everything else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval import ModelSpec, Preprocessing
from retrieval.vectors import normalise


class StandIn:
    """Returns a unit vector for every picture and text, independent of its content."""

    batch_size = 32

    def __init__(self, dim: int, size: int) -> None:
        preprocessing = Preprocessing((size, size), "shortest", "bicubic", (0, 0, 0), (1, 1, 1))
        self.spec = ModelSpec("stand-in", f"stand-in-{dim}-{size}", dim, preprocessing)
        self._random = np.random.default_rng(0)

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (n, dim) unit rows."""
        return self._rows(len(pixels))

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, dim) unit rows."""
        return self._rows(len(texts))

    def _rows(self, count: int) -> NDArray[np.float32]:
        rows = self._random.normal(size=(count, self.spec.dim)).astype(np.float32)
        return normalise(rows)
