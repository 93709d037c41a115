"""Looks up which contents have a vector, while other threads and the writer go on."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.connection import Connection
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.vectors import WHOLE
from retrieval.vectors import sound_vector


class KnownContents:
    """Looks up the vectors of contents, from any thread.

    It has its own connection, so decoding threads do not wait for the writer.
    """

    def __init__(self, path: str, model_id: int, dim: int) -> None:
        self._db = Connection(path, any_thread=True)
        self._model_id = model_id
        self._dim = dim
        self._lock = threading.Lock()

    def __contains__(self, sha256: bytes) -> bool:
        return self.vector(sha256) is not None

    def vector(self, sha256: bytes) -> NDArray[np.float32] | None:
        """Return the content's (dim,) float32 vector; None if it has none, or a damaged one."""
        with self._lock:
            blob = self._db.one(
                "SELECT v.embedding FROM images i JOIN vectors v ON v.image_id = i.id"
                " WHERE i.sha256 = ? AND v.model_id = ? AND v.view = ?"
                f" AND {sound('images', 'i')} AND {sound('vectors', 'v')}",
                (sha256, self._model_id, WHOLE),
            )
        return None if blob is None else sound_vector(blob, self._dim)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()
