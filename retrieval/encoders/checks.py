"""Checks of inputs and outputs that all encoders share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ModelError
from retrieval.specs import ModelSpec


def require_pixels(pixels: NDArray[np.uint8], spec: ModelSpec) -> None:
    """Raise ValueError unless pixels are uint8, (n, H, W, 3), and of the model's size."""
    expected = (*spec.preprocessing.size, 3)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != expected:
        raise ValueError(
            f"{spec.name} needs pixels of dtype uint8 and shape (n, {expected[0]}, "
            f"{expected[1]}, 3), not {pixels.dtype} and {pixels.shape}"
        )


def require_texts(texts: Sequence[str]) -> None:
    """Raise ValueError unless texts are a sequence of strings; a single string is an error."""
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise ValueError("texts must be a sequence of strings")


def unit_rows(rows: NDArray[np.float32], spec: ModelSpec) -> NDArray[np.float32]:
    """Scale (n, dim) rows to length 1; ModelError for another shape, zeros or non-finite numbers.

    Such rows mean that the model does not work.
    """
    if rows.ndim != 2 or rows.shape[1] != spec.dim:
        raise ModelError(f"{spec.name} returned vectors of shape {rows.shape}, not (n, {spec.dim})")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not (lengths > 0).all():
        raise ModelError(
            f"{spec.name} returned a vector that is zero or not a number",
            "the weights are damaged or do not fit the architecture, or the precision does not "
            "suit the model; try --device torch",
        )
    return np.asarray(rows / lengths, np.float32)
