"""Finds pairs of near vectors, block by block, without an n × n matrix.

Plain matrix products over blocks are several times faster here than a store's search, which is
made for one query at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.duplicates.perceptual_hash import Pairs, Rows

_ROWS, _COLUMNS = 1024, 8192


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Rows (n,), a neighbour of each (n,), and their cosines (n,)."""

    rows: Rows
    others: Rows
    cosines: NDArray[np.float32]


def near_pairs(vectors: NDArray[np.float16], k: int, floor: float) -> Pairs:
    """Return the pairs in which one is among the other's `k` nearest, with a cosine >= `floor`.

    `vectors` are (n, dim) unit vectors. Lower rows win ties.
    """
    codes = [np.empty(0, np.int64)]
    for start in range(0, len(vectors), _ROWS):
        own = np.arange(start, min(start + _ROWS, len(vectors)))
        near = nearest(vectors, own, k, floor)
        codes.append(
            np.minimum(near.rows, near.others) * len(vectors) + np.maximum(near.rows, near.others)
        )
    first, second = np.divmod(np.unique(np.concatenate(codes)), max(len(vectors), 1))
    return Pairs(first, second)


def nearest(vectors: NDArray[np.float16], own: Rows, k: int, floor: float) -> Neighbours:
    """Return the k nearest others of some rows, by row, best first, with a cosine >= `floor`."""
    queries = vectors[own].astype(np.float32)
    found = Neighbours(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    for left in range(0, len(vectors), _COLUMNS):
        cosines = queries @ vectors[left : left + _COLUMNS].astype(np.float32).T
        which, column = np.nonzero(cosines >= floor)
        elsewhere = own[which] != column + left
        which, column = which[elsewhere], column[elsewhere]
        found = _best_of_each(
            Neighbours(
                np.concatenate([found.rows, own[which]]),
                np.concatenate([found.others, column + left]),
                np.concatenate([found.cosines, cosines[which, column]]),
            ),
            k,
        )
    return found


def _best_of_each(near: Neighbours, k: int) -> Neighbours:
    order = np.lexsort((near.others, -near.cosines, near.rows))
    rising = near.rows[order]
    order = order[np.arange(len(order)) - np.searchsorted(rising, rising, "left") < k]
    return Neighbours(near.rows[order], near.others[order], near.cosines[order])
