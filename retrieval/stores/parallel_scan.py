"""One query shared out among the processors: FAISS itself shares out queries, not vectors."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Ids, Scores

_BELOW, _ABOVE = -(2**62), 2**62  # all ids lie between


class SharedScan:
    """Threads that live as long as their store; the first query starts them."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def best(
        self,
        index: Any,
        query: NDArray[np.float32],
        k: int,
        id_at: Callable[[int], int],
        selector: Any = None,
    ) -> tuple[Scores, Ids]:
        """Return the k best of one query (1, dim), every processor looking at its share of the ids.

        `id_at` tells the id of a row: some of them divide the shares. Scores and ids are (1, ≤ k).
        """
        parts = faiss.omp_get_max_threads()
        inner = {id_at(index.ntotal * part // parts) for part in range(1, parts)}
        if self._pool is None:
            self._pool = ThreadPoolExecutor(parts, initializer=_one_thread)

        def scan(bounds: tuple[int, int]) -> tuple[Scores, Ids]:
            share = faiss.IDSelectorRange(*bounds)
            both = share if selector is None else faiss.IDSelectorAnd(share, selector)
            found: tuple[Scores, Ids] = index.search(
                query, k, params=faiss.SearchParameters(sel=both)
            )
            return found

        found = list(self._pool.map(scan, pairwise([_BELOW, *sorted(inner), _ABOVE])))
        scores, found_ids = (np.concatenate(column, axis=1) for column in zip(*found, strict=True))
        best = np.argsort(-scores[0], kind="stable")[:k]
        return scores[:, best], found_ids[:, best]


def _one_thread() -> None:
    """Keep FAISS from sharing out what is a share already, in the thread that calls this."""
    faiss.omp_set_num_threads(1)
