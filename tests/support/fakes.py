"""An encoder that can be computed by hand.

Pictures: the mean red, green and blue of the pixels. Texts: one axis a colour word, so that
"red" is (1, 0, 0) and "red blue" lies half-way between. A fourth axis keeps black and unknown
words from having no direction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.specs import ModelSpec, Preprocessing
from retrieval.vectors import normalise

SMALL = Preprocessing(
    size=(8, 8),
    resize_mode="squash",
    interpolation="bicubic",
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
)

WORDS = {
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "yellow": (1, 1, 0),
    "white": (1, 1, 1),
}


class FakeEncoder:
    """See the module; counts what it was asked to encode."""

    batch_size = 4

    def __init__(self, fingerprint: str = "fake-1") -> None:
        self.spec = ModelSpec("fake", fingerprint, 4, SMALL, "MIT")
        self.images_encoded = 0
        self.batches: list[int] = []

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.images_encoded += len(pixels)
        self.batches.append(len(pixels))
        colours = pixels.reshape(len(pixels), -1, 3).mean(axis=1) / 255
        return self._with_fourth(colours)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        colours = [
            np.sum([WORDS.get(word, (0, 0, 0)) for word in text.lower().split()] or [(0, 0, 0)], 0)
            for text in texts
        ]
        return self._with_fourth(np.array(colours, float).reshape(len(texts), 3))

    def _with_fourth(self, colours: NDArray[np.float64]) -> NDArray[np.float32]:
        fourth = np.full((len(colours), 1), 0.05)
        return normalise(np.hstack([colours, fourth]).astype(np.float32).reshape(len(colours), 4))
