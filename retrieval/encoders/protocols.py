"""What the rest of Pixtrieve may ask of an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from retrieval.specs import ModelSpec


class Encoder(Protocol):
    """A dual encoder. Its vectors have length 1, so a dot product is the cosine similarity."""

    @property
    def spec(self) -> ModelSpec:
        """The model's identity and preprocessing."""
        ...

    @property
    def batch_size(self) -> int:
        """The best number of pictures per call of `encode_images`."""
        ...

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode (n, H, W, 3) RGB pixels of the size `spec.preprocessing.size` to (n, dim)."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode n texts to (n, dim)."""
        ...


@runtime_checkable
class Calibrating(Protocol):
    """An optional capability of encoders: to calibrate on a sample of the user's pictures."""

    def pictures_wanted(self) -> int:
        """Return the number of pictures that `calibrate` needs, 0 for none."""
        ...

    def calibrate(self, pixels: NDArray[np.uint8]) -> None:
        """Calibrate on a representative sample, in the form that `encode_images` takes.

        If the calibration fails, the encoder continues as before and logs a warning.
        """
        ...


@runtime_checkable
class Preparing(Protocol):
    """An optional capability of encoders: to load in advance what they otherwise load lazily."""

    def prepare_pictures(self) -> None:
        """Load what encoding many pictures at a time needs."""
        ...

    def prepare_texts(self) -> None:
        """Load what encoding many single texts needs; for a few texts it does not pay."""
        ...
