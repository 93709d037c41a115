"""One query, its scan split among the processors: FAISS itself splits queries, not vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, TypeVar

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Ids, Scores, Vectors

Rows = NDArray[np.int64]
Found = TypeVar("Found")

_BELOW, _ABOVE = -(2**62), 2**62  # all ids are between these


class ParallelScan:
    """Threads that live as long as their store; the first query starts them."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def best_by_id(
        self,
        index: Any,
        query: Vectors,
        k: int,
        id_at: Callable[[int], int],
        selector: Any = None,
    ) -> tuple[Scores, Ids]:
        """Return the k best of one query (1, dim); each processor scans its range of the ids.

        `id_at` returns the id of a row: the ids of some rows bound the ranges. Scores and ids are
        (1, ≤ k).
        """
        parts = faiss.omp_get_max_threads()
        inner = {id_at(index.ntotal * part // parts) for part in range(1, parts)}

        def scan(bounds: tuple[int, int]) -> tuple[Scores, Ids]:
            ids = faiss.IDSelectorRange(*bounds)
            both = ids if selector is None else faiss.IDSelectorAnd(ids, selector)
            found: tuple[Scores, Ids] = index.search(
                query, k, params=faiss.SearchParameters(sel=both)
            )
            return found

        found = self._each(scan, list(pairwise([_BELOW, *sorted(inner), _ABOVE])))
        scores, found_ids = (np.concatenate(column, axis=1) for column in zip(*found, strict=True))
        best = np.argsort(-scores[0], kind="stable")[:k]
        return scores[:, best], found_ids[:, best]

    def best(
        self,
        index: Any,
        query: Vectors,
        k: int,
        lists: Rows,
        selector: Any = None,
        *,
        alone: bool = False,
    ) -> tuple[Scores, Rows]:
        """Return the k best of one query (1, dim) in some lists of an IVF index, best first.

        Scores and ids are (≤ k,). One thread does it `alone`, or each processor takes some lists.
        """

        def scan(part: Rows) -> tuple[Scores, Rows]:
            scores, ids = np.empty(k, np.float32), np.empty(k, np.int64)
            nearness = np.zeros(len(part), np.float32)
            index.search_preassigned_c(
                1,
                faiss.swig_ptr(query),
                k,
                faiss.swig_ptr(part),
                faiss.swig_ptr(nearness),
                faiss.swig_ptr(scores),
                faiss.swig_ptr(ids),
                False,
                faiss.IVFSearchParameters(nprobe=len(part), sel=selector),
            )
            return scores[ids >= 0], ids[ids >= 0]

        if alone:
            with one_thread():
                return scan(np.ascontiguousarray(lists))
        scores, ids = _joined(self._each(scan, _split(lists)))
        order = np.argsort(-scores, kind="stable")[:k]
        return scores[order], ids[order]

    def reaching(
        self, index: Any, query: Vectors, least: float, selector: Any = None
    ) -> tuple[Scores, Rows]:
        """Return all in an IVF index that score at least about `least`, in no order.

        FAISS leaves out equals, so the number just below is the bar.
        """
        bar = float(np.nextafter(np.float32(least), np.float32(-np.inf)))

        def scan(part: Rows) -> tuple[Scores, Rows]:
            result, nearness = faiss.RangeSearchResult(1), np.zeros(len(part), np.float32)
            index.range_search_preassigned_c(
                1,
                faiss.swig_ptr(query),
                bar,
                faiss.swig_ptr(part),
                faiss.swig_ptr(nearness),
                result,
                False,
                faiss.IVFSearchParameters(nprobe=len(part), sel=selector),
            )
            count = int(faiss.rev_swig_ptr(result.lims, 2)[1])
            if not count:
                return np.empty(0, np.float32), np.empty(0, np.int64)
            scores = faiss.rev_swig_ptr(result.distances, count).copy()
            return scores, faiss.rev_swig_ptr(result.labels, count).copy()

        return _joined(self._each(scan, _split(np.arange(index.nlist))))

    def _each(
        self, call: Callable[[Any], tuple[Scores, Ids]], parts: list[Any]
    ) -> list[tuple[Scores, Ids]]:
        if len(parts) == 1:
            return [call(parts[0])]
        if self._pool is None:
            threads = faiss.omp_get_max_threads()
            self._pool = ThreadPoolExecutor(threads, initializer=_one_thread)
        return list(self._pool.map(call, parts))


def _split(lists: Rows) -> list[Rows]:
    """Return the lists of each processor; neighbours in turn, because near lists cost the same."""
    parts = min(faiss.omp_get_max_threads(), len(lists))
    return [np.ascontiguousarray(lists[part::parts]) for part in range(parts)]


def _joined(found: list[tuple[Scores, Ids]]) -> tuple[Scores, Ids]:
    scores, ids = zip(*found, strict=True)
    return np.concatenate(scores), np.concatenate(ids)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let FAISS use only this thread in the block: others would go on spinning after small work."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _one_thread() -> None:
    """Tell FAISS to use one thread only in the thread that calls this."""
    faiss.omp_set_num_threads(1)
