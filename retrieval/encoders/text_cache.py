"""A cache on this machine for the vectors of fixed texts, which are the same in every library."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compiled.exports import folder_of
from retrieval.encoders.protocols import Encoder
from retrieval.whole_file import open_regular, whole_file

_DIGEST_BYTES = 32


def cached_text_vectors(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return unit vectors (n, dim) of n texts, from the cache beside the model's export.

    If they are not cached, the encoder computes them and they are written to the cache. A model
    without an export, such as one on a graphics card, has no cache folder and encodes each time.
    """
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    path = os.path.join(folder_of(encoder.spec.fingerprint), f"texts-{digest[:16]}.f32")
    vectors = _kept(path, (len(texts), encoder.spec.dim))
    if vectors is None:
        vectors = encoder.encode_texts(texts)
        body = vectors.astype("<f4").tobytes()
        with suppress(OSError), whole_file(path) as file:
            file.write(hashlib.sha256(body).digest() + body)
    return vectors


def _kept(path: str, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Return the file's vectors, read once as long as it is the same file; None if damaged."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return _read(path, shape, (found.st_ino, found.st_size, found.st_mtime_ns))


def is_intact(path: str) -> bool:
    """Tell whether a file of this cache is as it was written."""
    try:
        with open_regular(path) as file:
            wanted, body = file.read(_DIGEST_BYTES), file.read()
    except OSError:
        return False
    return hashlib.sha256(body).digest() == wanted


@lru_cache(maxsize=8)
def _read(
    path: str, shape: tuple[int, int], _version: tuple[int, int, int]
) -> NDArray[np.float32] | None:
    """Return the file's vectors; None if it is missing or differs from its SHA-256, 32 bytes."""
    try:
        with open_regular(path) as file:
            content = file.read()
    except OSError:
        return None
    wanted, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != wanted or len(body) != 4 * shape[0] * shape[1]:
        return None
    vectors = np.frombuffer(body, "<f4").astype(np.float32, copy=False).reshape(shape)
    vectors.setflags(write=False)  # every caller gets the same
    return vectors
