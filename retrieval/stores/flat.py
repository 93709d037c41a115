"""The default store: FAISS's exact scan over half floats, and its file."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Ids, IdSet, Scores
from retrieval.stores.cachefile import CacheHeader, read_header, write_cache
from retrieval.stores.exact import places
from retrieval.vectors import STORED

_WORTH_SHARING = 20_000
"""From so many vectors on, one query is shared out among the processors."""

_HAIR = 1e-5
_BELOW, _ABOVE = -(2**62), 2**62  # all ids lie between


class FlatStore:
    """An `IndexScalarQuantizer` of half floats under an id map; inner product of unit vectors."""

    def __init__(self, dim: int, index: Any = None, mapped: Any = None) -> None:
        """Make an empty store; or one around a FAISS index, which may point into mapped bytes."""
        self._index = _empty_index(dim) if index is None else index
        self._mapped = mapped
        self._order: tuple[Ids, Ids] | None = None
        self._pool: ThreadPoolExecutor | None = None

    @classmethod
    def build(
        cls, dim: int, pages: Iterable[tuple[Ids, NDArray[np.float32]]]
    ) -> tuple[FlatStore, int]:
        """Make a store of pages whose ids are new and rise; return it and the last id (or 0)."""
        store, last_id = cls(dim), 0
        for ids, vectors in pages:
            store._add(ids, vectors)
            last_id = int(ids[-1])
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
        queries = np.ascontiguousarray(queries, np.float32)
        selector = None if allowed is None else _selector(allowed)
        parameters = None if selector is None else faiss.SearchParameters(sel=selector)
        # One more than asked for shows whether equal scores straddle the cut.
        wanted = min(max(k, 0), self.count()) + 1
        if len(queries) == 1 and self.count() >= _WORTH_SHARING:
            scores, ids = self._shared_scan(queries, wanted, selector)
        else:
            scores, ids = self._index.search(queries, wanted, params=parameters)
        reachable = int((ids >= 0).sum(axis=1).min()) if len(ids) else 0
        width = min(max(k, 0), reachable)
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

    def _shared_scan(self, query: NDArray[np.float32], k: int, selector: Any) -> tuple[Scores, Ids]:
        """Return the k best of one query, every processor looking at its share of the ids.

        FAISS itself shares out queries, not vectors: one query would be left to one processor.
        """
        count, parts = self.count(), faiss.omp_get_max_threads()
        inner = {self._index.id_map.at(count * part // parts) for part in range(1, parts)}
        bounds = [_BELOW, *sorted(inner), _ABOVE]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(parts, initializer=_one_thread)

        def scan(low: int, high: int) -> tuple[Scores, Ids]:
            share = faiss.IDSelectorRange(low, high)
            both = share if selector is None else faiss.IDSelectorAnd(share, selector)
            found: tuple[Scores, Ids] = self._index.search(
                query, k, params=faiss.SearchParameters(sel=both)
            )
            return found

        found = list(self._pool.map(scan, bounds, bounds[1:]))
        scores, ids = (np.concatenate(column, axis=1) for column in zip(*found, strict=True))
        best = np.argsort(-scores[0], kind="stable")[:k]
        return scores[:, best], ids[:, best]

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
        codes = faiss.downcast_index(self._index.index).codes
        rows = faiss.rev_swig_ptr(codes.data(), codes.size()).view(STORED)
        rows = rows.reshape(self.count(), self._index.d)
        return np.asarray(rows[order[places(rising, ids)]], np.float32)

    def _in_order(self) -> tuple[Ids, Ids]:
        """Return the ids, rising, and the row of each."""
        if self._order is None:
            ids = faiss.vector_to_array(self._index.id_map)
            order = np.argsort(ids, kind="stable")
            self._order = ids[order], order
        return self._order

    def count(self) -> int:
        """Return how many vectors are stored."""
        return int(self._index.ntotal)

    def save(self, path: str, header: CacheHeader) -> None:
        """Publish the store under `path`, atomically."""

        def write_body(file: BinaryIO) -> None:
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))

        write_cache(path, header, write_body)

    @classmethod
    def load(cls, path: str) -> tuple[FlatStore, CacheHeader] | None:
        """Map a file; None when it is missing, cut short, or not what its header says."""
        header = read_header(path)
        if header is None:
            return None
        mapped = np.memmap(path, np.uint8, mode="r")
        try:
            index = faiss.read_index(faiss.ZeroCopyIOReader(faiss.swig_ptr(mapped), mapped.size))
        except RuntimeError:
            return None
        if index.ntotal != header.count or index.d != header.dim:
            return None
        return cls(header.dim, index, mapped), header

    def _own(self) -> None:
        """Copy a mapped index into memory before it is changed."""
        if self._mapped is not None:
            self._index = faiss.deserialize_index(faiss.serialize_index(self._index))
            self._mapped = None


def _selector(allowed: IdSet) -> Any:
    """Return a set of ids as one bit for each id there has ever been: asked in a nanosecond."""
    bits = np.zeros(int(allowed[-1]) + 1 if len(allowed) else 1, bool)
    bits[allowed] = True
    return faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))


def _empty_index(dim: int) -> Any:
    flat = faiss.IndexScalarQuantizer(
        dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    return faiss.IndexIDMap(flat)


def _one_thread() -> None:
    """Keep FAISS from sharing out what is a share already, in the thread that calls this."""
    faiss.omp_set_num_threads(1)
