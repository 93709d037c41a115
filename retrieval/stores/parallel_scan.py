"""One query, its scan split among the processors: FAISS itself splits queries, not vectors."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import faiss
import numpy as np

from retrieval.stores import Ids, Scores, Vectors

_BELOW, _ABOVE = -(2**62), 2**62  # all ids are between these


class ParallelScan:
    """Threads that live as long as their store; the first query starts them."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def best(
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
        if self._pool is None:
            self._pool = ThreadPoolExecutor(parts, initializer=_one_thread)

        def scan(bounds: tuple[int, int]) -> tuple[Scores, Ids]:
            ids = faiss.IDSelectorRange(*bounds)
            both = ids if selector is None else faiss.IDSelectorAnd(ids, selector)
            found: tuple[Scores, Ids] = index.search(
                query, k, params=faiss.SearchParameters(sel=both)
            )
            return found

        found = list(self._pool.map(scan, pairwise([_BELOW, *sorted(inner), _ABOVE])))
        scores, found_ids = (np.concatenate(column, axis=1) for column in zip(*found, strict=True))
        best = np.argsort(-scores[0], kind="stable")[:k]
        return scores[:, best], found_ids[:, best]


def _one_thread() -> None:
    """Tell FAISS to use one thread only in the thread that calls this."""
    faiss.omp_set_num_threads(1)
