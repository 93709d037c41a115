"""The vectors of descriptions that were encoded with the shards, by a digest of the text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from retrieval.indexing.shards import Shard

_KEY = np.dtype([("first", "<u8"), ("second", "<u8")])


class KnownTexts:
    """Maps texts to vectors; ten million take a third of a gigabyte, beside the mapped vectors."""

    def __init__(self) -> None:
        self._keys: list[bytes] = []
        self._places: list[NDArray[np.int32]] = []  # (n, 2): which vectors, and the row in them
        self._vectors: list[Callable[[], NDArray[np.float16]]] = []
        self._loaded: tuple[int, NDArray[np.float16]] | None = None  # texts come in this order
        self._sorted: tuple[NDArray[np.void], NDArray[np.int32]] | None = None

    def add(self, shard: Shard) -> None:
        """Add the descriptions of a shard."""
        keys: list[bytes] = []
        rows: list[int] = []
        for at, row in enumerate(shard.rows):
            if shard.text_embeddings[at].any() and (text := row.description()):
                keys.append(_digest(text))
                rows.append(at)
        if keys:
            self._keys.append(b"".join(keys))
            number = len(self._vectors)
            self._places.append(np.array([(number, at) for at in rows], np.int32))
            held = shard.text_embeddings
            self._vectors.append(shard.texts_again or (lambda: held))
            self._sorted = None

    def vector(self, text: str) -> NDArray[np.float32] | None:
        """Return the (dim,) unit vector of a text, or None if it is none of the shards'."""
        if not self._places:
            return None
        if self._sorted is None:
            keys = np.frombuffer(b"".join(self._keys), _KEY)
            order = np.argsort(keys["first"], kind="stable")
            self._sorted = keys[order], np.concatenate(self._places)[order]
        keys, places = self._sorted
        key = np.frombuffer(_digest(text), _KEY)[0]
        at = int(np.searchsorted(keys["first"], key["first"]))
        while at < len(keys) and keys["first"][at] == key["first"]:
            if keys["second"][at] == key["second"]:
                number, row = places[at].tolist()
                if self._loaded is None or self._loaded[0] != number:
                    self._loaded = number, self._vectors[number]()
                vector = np.asarray(self._loaded[1][row], np.float32)
                return np.asarray(vector / np.linalg.norm(vector), np.float32)
            at += 1
        return None


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
