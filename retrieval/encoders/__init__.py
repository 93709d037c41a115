"""Encoders turn pictures and texts into unit vectors of one space.

Importing this room loads no model library; `open_encoder` does when it is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.models.fingerprint import ModelIdentity
from retrieval.encoders.models.registry import identify
from retrieval.specs import ModelSpec

__all__ = ["Calibrating", "Encoder", "ModelIdentity", "Preparing", "identify", "open_encoder"]


class Encoder(Protocol):
    """A dual encoder. Both methods return rows of length 1, so a dot product is the cosine."""

    @property
    def spec(self) -> ModelSpec:
        """What the model is."""
        ...

    @property
    def batch_size(self) -> int:
        """How many pictures it likes to get at a time."""
        ...

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode pictures, (n, H, W, 3) RGB, resized to `spec.preprocessing.size`: (n, dim)."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts: (n, dim)."""
        ...


@runtime_checkable
class Calibrating(Protocol):
    """What some encoders can, too: fit themselves to the pictures that they are to encode."""

    def pictures_wanted(self) -> int:
        """Return how many pictures `calibrate` would like to see, 0 when it needs none."""
        ...

    def calibrate(self, pixels: NDArray[np.uint8]) -> None:
        """Look at pictures, as `encode_images` gets them, spread over all that will come.

        When nothing good comes of it the encoder works on as before, and the log says so.
        """
        ...


@runtime_checkable
class Preparing(Protocol):
    """What some encoders can, too: load beforehand what they would load when it is needed."""

    def prepare_pictures(self) -> None:
        """Get ready for many pictures at a time."""
        ...

    def prepare_texts(self) -> None:
        """Get ready for many texts, one after the other: a few would not be worth it."""
        ...


def open_encoder(reference: str, *, device: str = "auto") -> Encoder:
    """Load a model that is on disk (see `registry` for references); never downloads.

    Raises ModelNotFound for a model that does not exist, ModelUnavailable for one that has to be
    fetched first, ModelError for a checkpoint that cannot be loaded.
    """
    from retrieval.encoders.engines import open_files
    from retrieval.encoders.models.registry import located

    return open_files(located(reference), device)
