"""The stored form of an embedding: a unit vector of little-endian IEEE 754 half floats.

The format is public: `numpy.frombuffer(blob, "<f2")` reads a vector of 2 * dim bytes. Rounding a
unit vector to half floats changes a cosine by less than 0.001 (tests/test_vectors.py checks this).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

STORED = np.dtype("<f2")

TOLERANCE = 0.002
"""How far the length of a stored vector may be from 1. Rounding to half floats changes it by less
than 0.0005."""

_WORTH_THREADS = 2**23
"""From this many multiplications on, a product is left to BLAS and its threads."""


def to_blobs(vectors: NDArray[np.float32]) -> list[bytes]:
    """Return one blob per row of (n, dim) unit vectors."""
    return [row.tobytes() for row in vectors.astype(STORED)]


def from_blobs(blobs: Sequence[bytes], dim: int) -> NDArray[np.float32]:
    """Return (n, dim) float32 from n blobs; ValueError if a blob does not hold `dim` numbers."""
    for blob in blobs:
        if len(blob) != dim * STORED.itemsize:
            raise ValueError(f"a vector has {len(blob)} bytes, not {dim * STORED.itemsize}")
    return np.frombuffer(b"".join(blobs), STORED).reshape(len(blobs), dim).astype(np.float32)


def sound_rows(blobs: Sequence[Any], dim: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return (n, dim) float32 from n stored values, and a mask (n,) of those that are unit vectors.

    A value is damaged if it is no blob, does not hold `dim` numbers, or has not the length 1 (NaN
    has not). Its row is zero.
    """
    size = dim * STORED.itemsize
    sound = np.array([isinstance(blob, bytes) and len(blob) == size for blob in blobs], np.bool_)
    if not sound.all():
        blobs = [blob if good else bytes(size) for blob, good in zip(blobs, sound, strict=True)]
    rows = from_blobs(blobs, dim)
    sound &= are_unit(rows)
    rows[~sound] = 0
    return rows, sound


def sound_vector(blob: Any, dim: int) -> NDArray[np.float32] | None:
    """Return a stored value as a (dim,) float32 unit vector; None if it is damaged."""
    rows, sound = sound_rows([blob], dim)
    return rows[0] if sound[0] else None


def are_unit(rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell for each row of (n, dim) whether its length is 1, within `TOLERANCE`."""
    with np.errstate(all="ignore"):
        squares = np.einsum("nd,nd->n", rows, rows, dtype=np.float32)
        return np.asarray(np.abs(np.sqrt(squares) - 1) <= TOLERANCE)


def as_stored(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the vectors as storage gives them back: rounded to half floats, as float32."""
    return vectors.astype(STORED).astype(np.float32)


def normalise(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale (n, dim) rows to length 1; ValueError for a row of length zero or not finite."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise ValueError("a vector has length zero or contains numbers that are not finite")
    return np.asarray(vectors / lengths, np.float32)


def pairwise_cosines(
    rows: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """Return the cosines (n, m) of unit vectors (n, dim) with others (m, dim).

    Small products take this thread alone. The threads of BLAS go on spinning after each product, so
    a question on a busy machine would wait for them ten times as long as for the product.
    """
    if rows.size * len(others) < _WORTH_THREADS:
        return np.asarray(np.einsum("nd,md->nm", rows, others))
    return np.asarray(rows @ others.T)
