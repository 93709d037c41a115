"""Vectors of texts that every library asks for alike, made once for a model on this machine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders import Encoder
from retrieval.encoders.compiled.exports import folder_of
from retrieval.whole_file import whole_file


def kept_vectors(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return unit vectors (n, dim) of texts, from beside the model's export if they are there.

    A model that has no export, as one that runs on a graphics card, encodes them each time.
    """
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    path = os.path.join(folder_of(encoder.spec.fingerprint), f"texts-{digest[:16]}.npy")
    kept = _read(path)
    if kept is None or kept.shape != (len(texts), encoder.spec.dim):
        kept = encoder.encode_texts(texts)
        with suppress(OSError), whole_file(path) as file:
            np.save(file, kept, allow_pickle=False)
    return kept


def _read(path: str) -> NDArray[np.float32] | None:
    """Return what the file holds; None when there is none, or it is damaged."""
    try:
        vectors: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return vectors if vectors.dtype == np.float32 else None
