"""The exact store in plain numpy: the reference for all others, and right for few vectors."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Ids, IdSet, Pages, Scores, StoreHeader, Vectors
from retrieval.stores.cache_file import BodyWriter, map_parts, write_parts

_MAGIC = b"PIXEXAC4"
_FILE_IDS, _FILE_VECTORS = np.dtype("<i8"), np.dtype("<f4")


class ExactStore:
    """Keeps float32 vectors and compares a query with each of them."""

    def __init__(self, ids: Ids, vectors: Vectors) -> None:
        """Take (n,) ids that rise and their (n, dim) vectors."""
        self._ids = ids
        self._vectors = vectors

    @classmethod
    def build(cls, dim: int, pages: Pages, folder: str | None = None) -> ExactStore:
        """Return a store, in memory, of the vectors in `pages`: see `StoreFactory.build`."""
        empty = np.empty(0, np.int64), np.empty((0, dim), np.float32)
        ids, vectors = zip(empty, *pages, strict=True)
        return cls(np.concatenate(ids), np.concatenate(vectors))

    @classmethod
    def load(cls, path: str) -> tuple[ExactStore, StoreHeader] | None:
        """Map the store saved under `path`: see `StoreFactory.load`."""
        found = map_parts(path, _MAGIC)
        if found is None:
            return None
        header, parts = found
        count, dim = header.count, header.dim
        sizes = [count * _FILE_IDS.itemsize, count * dim * _FILE_VECTORS.itemsize]
        if [part.size for part in parts] != sizes:
            return None
        ids = parts[0].view(_FILE_IDS)
        if (np.diff(ids) <= 0).any():
            return None
        return cls(ids, parts[1].view(_FILE_VECTORS).reshape(count, dim)), header

    def save(self, path: str, header: StoreHeader) -> None:
        """Publish the store under `path`: see `BuiltStore.save`."""
        arrays = self._ids.astype(_FILE_IDS), self._vectors.astype(_FILE_VECTORS)
        write_parts(path, _MAGIC, header, [partial(_write, array) for array in arrays])

    def search(self, queries: Vectors, k: int, allowed: IdSet | None = None) -> tuple[Scores, Ids]:
        """Return the k nearest, best first: see `VectorStore.search`."""
        ids, vectors = self._ids, self._vectors
        if allowed is not None:
            keep = np.isin(ids, allowed)
            ids, vectors = ids[keep], vectors[keep]
        # einsum adds up each pair in the same order wherever it is stored, as BLAS does not: equal
        # vectors get equal scores.
        scores = np.einsum("qd,nd->qn", queries, vectors, dtype=np.float32)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, order, axis=1), ids[order]

    def ids(self) -> Ids:
        """Return all stored ids, rising."""
        return self._ids

    def vectors(self, ids: Ids) -> Vectors:
        """Return the vectors of stored ids, in the order given; KeyError for others."""
        return self._vectors[positions(self._ids, ids)]

    def count(self) -> int:
        """Return how many vectors are stored."""
        return len(self._ids)


def _write(array: NDArray[np.generic], file: BodyWriter) -> int:
    """Write the bytes of an array; it has no head."""
    file.write(array.reshape(-1).view(np.uint8).data)
    return 0


def positions(rising: Ids, wanted: Ids) -> Ids:
    """Return the position of each wanted id among rising ones; KeyError when one is missing."""
    at = np.searchsorted(rising, wanted)
    if (at == len(rising)).any() or (rising[at] != wanted).any():
        raise KeyError("an id that is not stored")
    return at


def merge(parts: list[tuple[Scores, Ids]], k: int) -> tuple[Scores, Ids]:
    """Merge answers of several stores to one query, each (1, n_i): the k best, ties by id."""
    scores = np.concatenate([part[0][0] for part in parts])
    ids = np.concatenate([part[1][0] for part in parts])
    order = np.lexsort((ids, -scores))[:k]
    return scores[order][None], ids[order][None]
