"""The default store, by FAISS: exact answers from half floats, behind a coarse screen."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Self

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Ids, IdSet, Pages, Scores, StoreHeader, Vectors
from retrieval.stores.body import Body, Part, StoredRows
from retrieval.stores.cache_file import ID_BYTES, map_parts
from retrieval.stores.exact import positions
from retrieval.stores.parallel_scan import ParallelScan, one_thread
from retrieval.stores.residency import Residency
from retrieval.stores.screen import ROUNDING, Rows, Screen, bitmap, map_index
from retrieval.vectors import STORED

_WORTH_THREADS = 20_000
"""From this many vectors on, all processors share the scan of one query."""

_WORTH_SCREENING = 50_000
"""From this many vectors on, a new store gets a coarse copy that is scanned first."""

_FEW = 2_000
"""Up to this many vectors are compared one by one, without a scan."""

_SCREENED_SHARE = 16
"""A search for more than one vector in this many scans them all: a screen would not help."""


_PAGE = 8192  # rows at a time

_NOTHING = 16
"""The bytes with which FAISS ends an index without rows: how many vectors and ids there are."""


class FlatStore:
    """An `IndexScalarQuantizer` of half floats under an id map; inner product of unit vectors.

    Ids rise with the rows.
    """

    MAGIC = b"PIXFLAT6"

    def __init__(
        self, mapped: NDArray[np.uint8], screen: Screen | None, body: Body | None = None
    ) -> None:
        """Take an `IndexIDMap` over half floats as bytes, the screen of its rows, and the body.

        That is None if the store was loaded. Raises RuntimeError for bytes of something else.
        """
        self._mapped = mapped  # the index points into these
        self._index = map_index(mapped)
        self._screen = screen
        self._body = body
        self._scan = ParallelScan()
        self._residency = Residency(mapped)

    @classmethod
    def build(cls, dim: int, pages: Pages, folder: str | None = None) -> Self:
        """Return a store of the vectors in `pages`: see `StoreFactory.build`."""
        body = Body(folder)
        part = body.part()
        rows = _write_rows(part, dim, pages)
        screen = cls.screen_of(rows, body) if len(rows) >= _WORTH_SCREENING else None
        return cls(part.mapped(), screen, body)

    @classmethod
    def screen_of(cls, rows: StoredRows, body: Body) -> Screen:
        """Return the coarse copy of rows, written into a body."""
        return Screen.build(rows, body)

    @classmethod
    def load(cls, path: str) -> tuple[Self, StoreHeader] | None:
        """Map the store saved under `path`: see `StoreFactory.load`."""
        found = map_parts(path, cls.MAGIC)
        if found is None:
            return None
        header, parts = found
        try:
            store = cls(parts[0], Screen.read(*parts[1:]) if parts[1:] else None)
        except (RuntimeError, ValueError, LookupError):
            return None
        shapes = [(store._index.ntotal, store._index.d)]
        if store._screen is not None:
            shapes.append((store._screen.index.ntotal, len(store._screen.axes.mean)))
        if any(shape != (header.count, header.dim) for shape in shapes):
            return None
        return store, header

    def save(self, path: str, header: StoreHeader) -> None:
        """Publish the store, which was built, under `path`: see `BuiltStore.save`."""
        assert self._body is not None, "a store that was loaded is a file already"
        heads = [len(self._mapped) - self.count() * (STORED.itemsize * self._index.d + ID_BYTES)]
        if self._screen is not None:
            heads += self._screen.heads()
        self._body.publish(path, self.MAGIC, header, heads)

    def search(self, queries: Vectors, k: int, allowed: IdSet | None = None) -> tuple[Scores, Ids]:
        """Return the k nearest, best first: see `VectorStore.search`."""
        queries, k = np.ascontiguousarray(queries, np.float32), min(k, self.count())
        if self._screen and 0 < k <= self.count() // _SCREENED_SHARE:
            stored = self._ids()
            marked = None if allowed is None else marks(allowed, int(stored[-1]) + 1)[stored]
            found = [self._screened(self._screen, query, k, marked) for query in queries]
            scores, ids = (np.stack(column) for column in zip(*found, strict=True))
            return scores, ids
        return self._scanned(queries, k, allowed)

    def _screened(
        self, screen: Screen, query: Vectors, k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[Scores, Ids]:
        """Return the k best of one query (dim,); of most vectors only the coarse copy is read.

        `allowed` (n,) marks the rows that count.
        """
        if allowed is not None and np.count_nonzero(allowed) <= max(_FEW, k):
            rows = np.flatnonzero(allowed)
        else:

            def score(rows: Rows) -> Scores:
                return self._scores(rows, query)

            rows = screen.candidates(query, k, score, self._scan, allowed)
        return self._best(rows, query, k)

    def _best(self, rows: Rows, query: Vectors, k: int) -> tuple[Scores, Ids]:
        """Return the k best of some rows for a query (dim,), compared exactly."""
        # einsum adds up each pair in the same order wherever it is stored: equal vectors get equal
        # scores.
        scores = np.einsum("nd,d->n", self._some(rows).astype(np.float32), query)
        ids = self._ids()[rows]
        order = np.lexsort((ids, -scores))[:k]
        return scores[order], ids[order]

    def _scores(self, rows: Rows, query: Vectors) -> Scores:
        """Return the scores of rows (r,), as FAISS adds them up: three times as fast as numpy."""
        scores = np.empty(len(rows), np.float32)
        if len(rows):
            with one_thread():
                some = _half_floats(self._index.d)
                some.add_sa_codes(self._some(rows).view(np.uint8))
                found, places = some.search(query[None], len(rows))
            scores[places] = found
        return scores

    def _scanned(self, queries: Vectors, k: int, allowed: IdSet | None) -> tuple[Scores, Ids]:
        """Return the k best of each query; every vector is compared at full precision."""
        selector = None
        if allowed is not None:
            selector = bitmap(marks(allowed, int(allowed[-1]) + 1 if len(allowed) else 1))
        parameters = None if selector is None else faiss.SearchParameters(sel=selector)
        # One more than k shows whether there are equal scores on both sides of the cut.
        wanted = k + 1
        if len(queries) == 1 and self.count() >= _WORTH_THREADS:
            id_at = self._index.id_map.at
            scores, ids = self._scan.best_by_id(self._index, queries, wanted, id_at, selector)
        else:
            few = len(queries) * self.count() < _WORTH_THREADS
            with one_thread() if few else nullcontext():
                scores, ids = self._index.search(queries, wanted, params=parameters)
        reachable = int((ids >= 0).sum(axis=1).min())
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
        self._residency.looked_at(self.count())
        return best_scores, best_ids

    def _down_to(self, query: Vectors, score: np.float32, parameters: Any) -> tuple[Scores, Ids]:
        """Return all that score at least `score`, and those just below it, in no order.

        FAISS adds up in another order here than in `search`: the last bits may differ.
        """
        below = float(score) - ROUNDING
        _, scores, ids = self._index.range_search(query, below, params=parameters)
        return scores, ids

    def ids(self) -> Ids:
        """Return all stored ids, rising."""
        return self._ids().copy()

    def vectors(self, ids: Ids) -> Vectors:
        """Return the vectors of stored ids, in the order given; KeyError for others."""
        return np.asarray(self._some(positions(self._ids(), ids)), np.float32)

    def count(self) -> int:
        """Return how many vectors are stored."""
        return int(self._index.ntotal)

    def _ids(self) -> Ids:
        """Return the id of each row, in FAISS's own memory."""
        ids: Ids = faiss.rev_swig_ptr(self._index.id_map.data(), self.count())
        return ids

    def _some(self, rows: Rows) -> NDArray[np.float16]:
        """Return the vectors (r, dim) of rows (r,)."""
        everything = self._rows()
        some = np.empty((len(rows), self._index.d), STORED)
        for at in range(0, len(rows), _PAGE):
            page = rows[at : at + _PAGE]
            some[at : at + _PAGE] = everything[page]
            self._residency.looked_at(len(page))
        return some

    def _rows(self) -> NDArray[np.float16]:
        """Return the vectors (n, dim), in FAISS's own memory."""
        codes = faiss.downcast_index(self._index.index).codes
        rows: NDArray[np.float16] = faiss.rev_swig_ptr(codes.data(), codes.size()).view(STORED)
        return rows.reshape(self.count(), self._index.d)


def _write_rows(part: Part, dim: int, pages: Pages) -> StoredRows:
    """Write vectors and ids as FAISS's files have them; return the vectors, to be read."""
    head = _head(dim, 0)
    part.append(head)
    ids = [np.empty(0, np.int64)]
    for page_ids, vectors in pages:
        part.append(vectors.astype(STORED))
        ids.append(np.asarray(page_ids, np.int64))
    together = np.concatenate(ids)
    part.append(np.array([len(together)], "<i8"))
    part.append(together.astype("<i8"))
    part.put(0, _head(dim, len(together)))
    return StoredRows(part, len(head), len(together), dim)


def _head(dim: int, count: int) -> bytes:
    """Return what precedes the vectors in a file of FAISS's."""
    index = faiss.IndexIDMap(_half_floats(dim))
    index.ntotal = index.index.ntotal = count
    size = np.array([count * dim * STORED.itemsize], "<i8")
    before: bytes = faiss.serialize_index(index).tobytes()[:-_NOTHING]
    return before + size.tobytes()


def _half_floats(dim: int) -> Any:
    half_floats = faiss.ScalarQuantizer.QT_fp16
    return faiss.IndexScalarQuantizer(dim, half_floats, faiss.METRIC_INNER_PRODUCT)


def marks(ids: IdSet, size: int) -> NDArray[np.bool_]:
    """Return a mark for each number below `size`: true for those in the set."""
    marks = np.zeros(size, bool)
    marks[ids[: np.searchsorted(ids, size)]] = True
    return marks
