"""The default store: an exact answer from half floats, by way of FAISS, and its file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, BinaryIO

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Ids, IdSet, Scores
from retrieval.stores.cache_file import CacheHeader, read_trailer, write_cache
from retrieval.stores.exact import places
from retrieval.stores.screen import Rows, Screen, bitmap, map_index
from retrieval.stores.sharing import SharedScan
from retrieval.vectors import STORED

_WORTH_SHARING = 20_000
"""From so many vectors on, one query is shared out among the processors."""

_WORTH_SCREENING = 50_000
"""From so many vectors on, a store that is built is given a coarse copy to look through first."""

_FEW = 2_000
"""So few vectors are compared one by one, and nothing is scanned."""

_SCREENED_SHARE = 16
"""Whoever wants more than one vector in so many has all of them scanned."""

_HAIR = 1e-5


class FlatStore:
    """An `IndexScalarQuantizer` of half floats under an id map; inner product of unit vectors."""

    def __init__(self, dim: int) -> None:
        """Make an empty store."""
        self._index = _empty_index(dim)
        self._screen: Screen | None = None
        self._mapped: NDArray[np.uint8] | None = None  # the bytes that index and screen point into
        self._order: tuple[Ids, Ids] | None = None
        self._scan = SharedScan()

    @classmethod
    def build(
        cls, dim: int, pages: Iterable[tuple[Ids, NDArray[np.float32]]]
    ) -> tuple[FlatStore, int]:
        """Make a store of pages whose ids are new and rise; return it and the last id (or 0)."""
        store, last_id = cls(dim), 0
        for ids, vectors in pages:
            store._add(ids, vectors)
            last_id = int(ids[-1])
        if store.count() >= _WORTH_SCREENING:
            store._screen = Screen.build(store._rows())
        return store, last_id

    def upsert(self, ids: Ids, vectors: NDArray[np.float32]) -> None:
        """Store vectors under ids; of an id given twice the last vector counts."""
        self.remove(ids)
        _, last = np.unique(ids[::-1], return_index=True)
        self._add(ids[::-1][last], vectors[::-1][last])

    def _add(self, ids: Ids, vectors: NDArray[np.float32]) -> None:
        self._order = None
        self._index.add_with_ids(np.ascontiguousarray(vectors), np.ascontiguousarray(ids))

    def remove(self, ids: Ids) -> None:
        """Forget ids; unknown ones are ignored."""
        self._own()
        self._order = None
        self._index.remove_ids(np.ascontiguousarray(ids, np.int64))

    def search(
        self, queries: NDArray[np.float32], k: int, allowed: IdSet | None = None
    ) -> tuple[Scores, Ids]:
        """Return the k nearest, best first: see `VectorStore.search`."""
        queries, k = np.ascontiguousarray(queries, np.float32), min(max(k, 0), self.count())
        if self._screen and len(queries) and 0 < k <= self.count() // _SCREENED_SHARE:
            stored = self._ids()
            marked = None if allowed is None else _marks(allowed, int(stored[-1]) + 1)[stored]
            found = [self._screened(self._screen, query, k, marked) for query in queries]
            scores, ids = (np.stack(column) for column in zip(*found, strict=True))
            return scores, ids
        return self._scanned(queries, k, allowed)

    def _screened(
        self,
        screen: Screen,
        query: NDArray[np.float32],
        k: int,
        allowed: NDArray[np.bool_] | None,
    ) -> tuple[Scores, Ids]:
        """Return the k best of one query (dim,), most vectors seen in their coarse copy only.

        `allowed` (n,) marks the rows that count; ids rise with the rows.
        """
        ids, vectors = self._ids(), self._rows()

        def score(rows: Rows) -> Scores:
            # einsum sums each pair in the same order wherever it stands: ties are ties.
            found: Scores = np.einsum("nd,d->n", vectors[rows].astype(np.float32), query)
            return found

        if allowed is not None and np.count_nonzero(allowed) <= max(_FEW, k):
            rows = np.flatnonzero(allowed)
        else:
            rows = screen.holding_the_best(query, k, score, self._scan, allowed)
        scores = score(rows)
        order = np.lexsort((ids[rows], -scores))[:k]
        return scores[order], ids[rows[order]]

    def _scanned(
        self, queries: NDArray[np.float32], k: int, allowed: IdSet | None
    ) -> tuple[Scores, Ids]:
        """Return the k best of each query, every vector compared as it is."""
        selector = None
        if allowed is not None:
            selector = bitmap(_marks(allowed, int(allowed[-1]) + 1 if len(allowed) else 1))
        parameters = None if selector is None else faiss.SearchParameters(sel=selector)
        # One more than asked for shows whether equal scores straddle the cut.
        wanted = k + 1
        if len(queries) == 1 and self.count() >= _WORTH_SHARING:
            id_at = self._index.id_map.at
            scores, ids = self._scan.best(self._index, queries, wanted, id_at, selector)
        else:
            scores, ids = self._index.search(queries, wanted, params=parameters)
        reachable = int((ids >= 0).sum(axis=1).min()) if len(ids) else 0
        width = min(k, reachable)
        best_scores = np.empty((len(queries), width), np.float32)
        best_ids = np.empty((len(queries), width), np.int64)
        for row in range(len(queries)):
            row_scores, row_ids = scores[row, :reachable], ids[row, :reachable]
            if 0 < width < reachable and row_scores[width - 1] == row_scores[width]:
                row_scores, row_ids = self._down_to(
                    queries[row : row + 1], row_scores[width], parameters
                )
            order = np.lexsort((row_ids, -row_scores))[:width]
            best_scores[row], best_ids[row] = row_scores[order], row_ids[order]
        return best_scores, best_ids

    def _down_to(
        self, query: NDArray[np.float32], score: np.float32, parameters: Any
    ) -> tuple[NDArray[np.float32], Ids]:
        """Return everything that scores at least `score`, and a hair below, in no order.

        FAISS adds up in another order here than in `search`: the last bits may differ.
        """
        below = float(score) - _HAIR
        _, scores, ids = self._index.range_search(query, below, params=parameters)
        return scores, ids

    def ids(self) -> Ids:
        """Return all stored ids, rising."""
        rising: Ids = self._in_order()[0]
        return rising

    def vectors(self, ids: Ids) -> NDArray[np.float32]:
        """Return the vectors of stored ids, in their order; KeyError for others."""
        rising, order = self._in_order()
        return np.asarray(self._rows()[order[places(rising, ids)]], np.float32)

    def _in_order(self) -> tuple[Ids, Ids]:
        """Return the ids, rising, and the row of each."""
        if self._order is None:
            ids = self._ids().copy()
            order = np.argsort(ids, kind="stable")
            self._order = ids[order], order
        return self._order

    def _ids(self) -> Ids:
        """Return the id of each row, where FAISS keeps it."""
        ids: Ids = faiss.rev_swig_ptr(self._index.id_map.data(), self.count())
        return ids

    def _rows(self) -> NDArray[np.float16]:
        """Return the vectors (n, dim) where FAISS keeps them."""
        codes = faiss.downcast_index(self._index.index).codes
        rows: NDArray[np.float16] = faiss.rev_swig_ptr(codes.data(), codes.size()).view(STORED)
        return rows.reshape(self.count(), self._index.d)

    def count(self) -> int:
        """Return how many vectors are stored."""
        return int(self._index.ntotal)

    def save(self, path: str, header: CacheHeader) -> None:
        """Publish the store under `path`, atomically."""
        screen = (self._screen.write, self._screen.write_numbers) if self._screen else ()
        write_cache(path, header, (self._write, *screen))

    def _write(self, file: BinaryIO) -> None:
        faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))

    @classmethod
    def load(cls, path: str) -> tuple[FlatStore, CacheHeader] | None:
        """Map a file; None when it is missing, cut short, or not what its header says."""
        trailer = read_trailer(path)
        if trailer is None:
            return None
        header, parts = trailer
        mapped = np.memmap(path, np.uint8, mode="r")
        bodies = [np.asarray(mapped[part]) for part in parts]
        store = cls(header.dim)
        store._mapped = mapped
        try:
            store._index = map_index(bodies[0])
            store._screen = Screen.read(bodies[1], bodies[2]) if bodies[1:] else None
        except RuntimeError:
            return None
        indexes = [store._index, *([store._screen.index] if store._screen else [])]
        if any(index.ntotal != header.count or index.d != header.dim for index in indexes):
            return None
        return store, header

    def _own(self) -> None:
        """Copy a mapped index into memory before it is changed; its screen is of what it was."""
        self._screen = None
        if self._mapped is not None:
            self._index = faiss.deserialize_index(faiss.serialize_index(self._index))
            self._mapped = None


def _marks(ids: IdSet, size: int) -> NDArray[np.bool_]:
    """Return a mark for each number below `size`, set for those in the set."""
    marks = np.zeros(size, bool)
    marks[ids[: np.searchsorted(ids, size)]] = True
    return marks


def _empty_index(dim: int) -> Any:
    flat = faiss.IndexScalarQuantizer(
        dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    return faiss.IndexIDMap(flat)
