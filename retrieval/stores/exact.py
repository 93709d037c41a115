"""The oracle: plain numpy over every vector. Also serves the few vectors newer than a cache."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Ids, IdSet, Scores


class ExactStore:
    """Keeps float32 vectors sorted by id and compares a query with each of them."""

    def __init__(self, dim: int) -> None:
        self._ids = np.empty(0, np.int64)
        self._vectors = np.empty((0, dim), np.float32)

    def upsert(self, ids: Ids, vectors: NDArray[np.float32]) -> None:
        """Store vectors under ids; of an id given twice the last vector counts."""
        self.remove(ids)
        reversed_ids = ids[::-1]
        _, last = np.unique(reversed_ids, return_index=True)
        all_ids = np.concatenate([self._ids, reversed_ids[last]])
        all_vectors = np.concatenate([self._vectors, vectors[::-1][last]])
        order = np.argsort(all_ids)
        self._ids, self._vectors = all_ids[order], all_vectors[order]

    def remove(self, ids: Ids) -> None:
        """Forget ids; unknown ones are ignored."""
        keep = ~np.isin(self._ids, ids)
        self._ids, self._vectors = self._ids[keep], self._vectors[keep]

    def search(
        self, queries: NDArray[np.float32], k: int, allowed: IdSet | None = None
    ) -> tuple[Scores, Ids]:
        """Return the k nearest, best first: see `VectorStore.search`."""
        ids, vectors = self._ids, self._vectors
        if allowed is not None:
            keep = np.isin(ids, allowed)
            ids, vectors = ids[keep], vectors[keep]
        # einsum sums each pair in the same order wherever it stands, as BLAS does not: equal
        # vectors get equal scores, so ties are ties.
        scores = np.einsum("qd,nd->qn", queries, vectors, dtype=np.float32)
        order = np.argsort(-scores, axis=1, kind="stable")[:, : max(k, 0)]
        return np.take_along_axis(scores, order, axis=1), ids[order]

    def ids(self) -> Ids:
        """Return all stored ids, rising."""
        return self._ids

    def vectors(self, ids: Ids) -> NDArray[np.float32]:
        """Return the vectors of stored ids, in their order; KeyError for others."""
        return self._vectors[places(self._ids, ids)]

    def count(self) -> int:
        """Return how many vectors are stored."""
        return len(self._ids)


def places(rising: Ids, wanted: Ids) -> Ids:
    """Return where each of the wanted ids stands among rising ones; KeyError when one is not."""
    at = np.searchsorted(rising, wanted)
    if (at == len(rising)).any() or (rising[at] != wanted).any():
        raise KeyError("an id that is not stored")
    return at


def merge(parts: list[tuple[Scores, Ids]], k: int) -> tuple[Scores, Ids]:
    """Merge answers of several stores to one query each, (1, n_i): the k best, ties by id."""
    scores = np.concatenate([part[0][0] for part in parts])
    ids = np.concatenate([part[1][0] for part in parts])
    order = np.lexsort((ids, -scores))[:k]
    return scores[order][None], ids[order][None]
