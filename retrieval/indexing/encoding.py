"""Pixels to vectors, with the pictures left out that the model gives no vector for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders import Encoder
from retrieval.errors import ModelError


def encode_numbered(
    encoder: Encoder, pixels: Sequence[NDArray[np.uint8]]
) -> list[tuple[int, NDArray[np.float32]]]:
    """Return the vector (dim,) of each picture that has one, with the picture's number.

    Raises ModelError when the model gives none for anything: then it is not the pictures' fault.
    """
    try:
        return list(enumerate(encoder.encode_images(np.stack(pixels))))
    except ModelError:
        rows = []
        for number, picture in enumerate(pixels):
            with suppress(ModelError):
                rows.append((number, encoder.encode_images(picture[None])[0]))
        if not rows and not _works(encoder):
            raise
        return rows


def _works(encoder: Encoder) -> bool:
    """Tell whether the model gives a vector for a plain grey picture."""
    size = encoder.spec.preprocessing.size
    try:
        encoder.encode_images(np.full((1, *size, 3), 127, np.uint8))
    except ModelError:
        return False
    return True
