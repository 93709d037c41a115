"""Encoders turn pictures and texts into unit vectors of one space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.specs import ModelSpec


class Encoder(Protocol):
    """A dual encoder. Both methods return rows of length 1, so a dot product is the cosine."""

    @property
    def spec(self) -> ModelSpec:
        """What the model is."""
        ...

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode pictures, (n, H, W, 3) RGB already resized to `spec.preprocessing.size`: (n, dim)."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts: (n, dim)."""
        ...
