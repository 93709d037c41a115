"""Exact answers from a server's rough ones, and without it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retrieval.stores import Ids, IdSet, Scores, Vectors
from retrieval.stores.exact import ExactStore, merge

Nearest = Callable[[int], tuple[Scores, Ids]]
"""Returns the k nearest as a server has them: scores and ids (n,), n at most k."""
Some = Callable[[Ids], tuple[Ids, Vectors]]
"""Returns those of some ids that count, rising, and their (n, dim) vectors."""

_ROUNDING = 2e-5
"""More than two of a server's scores of equal vectors differ by."""
_SPARE, _SPARE_SHARE = 24, 8
"""So many candidates beyond k are asked for at once, and one more for this many of the k."""
_PAGE = 4096


def exact_answer(
    query: Vectors, k: int, nearest: Nearest, some: Some, most: int, *, spare: int = 0
) -> tuple[Scores, Ids] | None:
    """Return the k best of one query (1, dim) as `VectorStore.search` orders them, (1, ≤ k).

    The server chooses candidates until no other can be among the k best, and their scores are
    computed from the vectors that `some` returns. `spare` more are asked for at once, because
    `some` will drop about as many. None if the server would have to return more than `most`.
    """
    dim = query.shape[1]
    if k == 0:
        return _nothing(dim).search(query, 0)
    wanted = k + k // _SPARE_SHARE + _SPARE + spare
    while True:
        asked = min(wanted, most)
        rough, ids = nearest(asked)
        scores, best = ExactStore.build(dim, [some(np.unique(ids))]).search(query, k)
        complete = len(ids) < asked
        # Nothing outside scores more than the last one inside, give or take the rounding.
        if complete or (best.shape[1] == k and float(rough[-1]) + _ROUNDING < float(scores[0, -1])):
            return scores, best
        if asked == most:
            return None
        wanted *= 2


def among(allowed: IdSet, some: Some) -> Some:
    """Return `some` for the ids of a rising set only, which is not empty.

    So no answer has a row that does not pass the filter, whatever a server's copy says of it.
    """

    def found(ids: Ids) -> tuple[Ids, Vectors]:
        places = np.minimum(np.searchsorted(allowed, ids), len(allowed) - 1)
        return some(ids[allowed[places] == ids])

    return found


def compared(query: Vectors, k: int, ids: IdSet, some: Some) -> tuple[Scores, Ids]:
    """Return the k best of some ids for one query (1, dim): all of them are compared here."""
    dim = query.shape[1]
    best = _nothing(dim).search(query, k)
    for at in range(0, len(ids), _PAGE):
        page = ExactStore.build(dim, [some(ids[at : at + _PAGE])]).search(query, k)
        best = merge([best, page], k)
    return best


def _nothing(dim: int) -> ExactStore:
    return ExactStore.build(dim, [])
