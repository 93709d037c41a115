"""The stored form of an embedding: a unit vector of little-endian IEEE 754 half floats.

The format is public: `numpy.frombuffer(blob, "<f2")` reads a vector of 2 * dim bytes. Rounding a
unit vector to half floats changes a cosine by less than 0.001 (tests/test_vectors.py checks this).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STORED = np.dtype("<f2")


def to_blobs(vectors: NDArray[np.float32]) -> list[bytes]:
    """Return one blob per row of (n, dim) unit vectors."""
    return [row.tobytes() for row in vectors.astype(STORED)]


def from_blobs(blobs: Sequence[bytes], dim: int) -> NDArray[np.float32]:
    """Return (n, dim) float32 from n blobs; ValueError if a blob does not hold `dim` numbers."""
    for blob in blobs:
        if len(blob) != dim * STORED.itemsize:
            raise ValueError(f"a vector has {len(blob)} bytes, not {dim * STORED.itemsize}")
    return np.frombuffer(b"".join(blobs), STORED).reshape(len(blobs), dim).astype(np.float32)


def as_stored(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the vectors as storage gives them back: rounded to half floats, as float32."""
    return vectors.astype(STORED).astype(np.float32)


def normalise(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale (n, dim) rows to length 1; ValueError for a row of length zero or not finite."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise ValueError("a vector has length zero or contains numbers that are not finite")
    return np.asarray(vectors / lengths, np.float32)
