"""A cache on this machine for the vectors of fixed texts, which are the same in every library."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compiled.exports import folder_of
from retrieval.encoders.protocols import Encoder
from retrieval.whole_file import whole_file


def cached_text_vectors(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return unit vectors (n, dim) of n texts, from the cache beside the model's export.

    If they are not cached, the encoder computes them and they are written to the cache. A model
    without an export, such as one on a graphics card, has no cache folder and encodes each time.
    """
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    path = os.path.join(folder_of(encoder.spec.fingerprint), f"texts-{digest[:16]}.npy")
    vectors = _read(path)
    if vectors is None or vectors.shape != (len(texts), encoder.spec.dim):
        vectors = encoder.encode_texts(texts)
        with suppress(OSError), whole_file(path) as file:
            np.save(file, vectors, allow_pickle=False)
    return vectors


def _read(path: str) -> NDArray[np.float32] | None:
    """Return the file's vectors; None if it is missing or damaged."""
    try:
        vectors: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return vectors if vectors.dtype == np.float32 else None
