"""What every encoder asks of its inputs and promises of its outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ModelError
from retrieval.specs import ModelSpec


def require_pixels(pixels: NDArray[np.uint8], spec: ModelSpec) -> None:
    """Raise ValueError unless pixels are (n, H, W, 3) uint8 of the model's size."""
    expected = (*spec.preprocessing.size, 3)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != expected:
        raise ValueError(
            f"{spec.name} wants pixels of dtype uint8 and shape (n, {expected[0]}, "
            f"{expected[1]}, 3), not {pixels.dtype} and {pixels.shape}"
        )


def require_texts(texts: Sequence[str]) -> None:
    """Raise ValueError unless texts are several strings; one string is not a list of texts."""
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise ValueError("texts must be a sequence of strings")


def unit_rows(rows: NDArray[np.float32], spec: ModelSpec) -> NDArray[np.float32]:
    """Scale (n, dim) rows to length 1; ModelError for one that is no vector of this model."""
    if rows.ndim != 2 or rows.shape[1] != spec.dim:
        raise ModelError(
            f"{spec.name} gave vectors of shape {rows.shape}, not {spec.dim} numbers each"
        )
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not (lengths > 0).all():
        raise ModelError(
            f"{spec.name} gave a vector that has no direction (zero or not a number)",
            "its weights are damaged or do not fit the architecture, or the precision does not "
            "suit it; try --device torch",
        )
    return np.asarray(rows / lengths, np.float32)
