"""Pixels to vectors; skips pictures for which the model gives no vector."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders import Encoder
from retrieval.errors import ModelError


def encode_in_batches(
    encoder: Encoder, pixels: Sequence[NDArray[np.uint8]], size: int
) -> list[tuple[int, NDArray[np.float32]]]:
    """Return the same as `encode_numbered` for any number of pictures, `size` at a time."""
    rows: list[tuple[int, NDArray[np.float32]]] = []
    for start in range(0, len(pixels), size):
        batch = pixels[start : start + size]
        rows += [(start + at, vector) for at, vector in encode_numbered(encoder, batch)]
    return rows


def encode_numbered(
    encoder: Encoder, pixels: Sequence[NDArray[np.uint8]]
) -> list[tuple[int, NDArray[np.float32]]]:
    """Return the position of each picture that the model can encode, with its vector (dim,).

    Raises ModelError when the model cannot encode even a plain grey picture.
    """
    try:
        return _usable(encoder.encode_images(np.stack(pixels)))
    except ModelError:
        rows = []
        for number, picture in enumerate(pixels):
            with suppress(ModelError):
                found = _usable(encoder.encode_images(picture[None]))
                rows += [(number, vector) for _, vector in found]
        if not rows and not _works(encoder):
            raise
        return rows


def _usable(rows: NDArray[np.float32]) -> list[tuple[int, NDArray[np.float32]]]:
    """Return the positions and the unit vectors of the rows (n, dim) that have a direction."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(rows, axis=1)
        unit = rows / lengths[:, None]
    return [(at, unit[at]) for at in np.flatnonzero(np.isfinite(lengths) & (lengths > 0)).tolist()]


def _works(encoder: Encoder) -> bool:
    """Tell whether the model gives a vector for a plain grey picture."""
    size = encoder.spec.preprocessing.size
    try:
        encoder.encode_images(np.full((1, *size, 3), 127, np.uint8))
    except ModelError:
        return False
    return True
