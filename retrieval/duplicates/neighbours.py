"""Finds pairs of near vectors, block by block, without an n × n matrix.

Plain matrix products over blocks are several times faster here than a store's search, which is
made for one query at a time. Up to 30,000 vectors, all are compared with all. Beyond that, they
are clustered by k-means, and each is compared with those in the few clusters nearest to it: near
duplicates have nearly the same direction, so they are in the same clusters, and the work grows
with the number of vectors, not with its square.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.duplicates.perceptual_hash import Pairs, Rows

_ROWS, _COLUMNS = 1024, 8192

_ALL = 30_000
"""Up to this many vectors, all pairs are compared."""

_A_CLUSTER, _PROBED = 1024, 8
"""The mean number of vectors in a cluster; how many clusters each vector is compared with."""

_HELD = 32_000_000
"""At most about this many pairs are held at a time, unless each vector has more near ones."""

_TRAINED_ON = 64  # vectors for each cluster


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Rows (n,), a neighbour of each (n,), and their cosines (n,)."""

    rows: Rows
    others: Rows
    cosines: NDArray[np.float32]

    @classmethod
    def none(cls) -> Neighbours:
        """Return no pairs."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


def near_pairs(vectors: NDArray[np.float16], k: int, floor: float) -> Pairs:
    """Return the pairs in which one is among the other's `k` nearest, with a cosine >= `floor`.

    `vectors` are (n, dim) unit vectors. Lower rows win ties. Beyond 30,000 vectors, a pair that no
    cluster has together may be missed.
    """
    count = len(vectors)
    codes = [np.empty(0, np.int64)]
    for near in _in_clusters(vectors, k, floor) if count > _ALL else _in_all(vectors, k, floor):
        low, high = np.minimum(near.rows, near.others), np.maximum(near.rows, near.others)
        codes.append(low * count + high)
    first, second = np.divmod(np.unique(np.concatenate(codes)), max(count, 1))
    return Pairs(first, second)


def nearest(vectors: NDArray[np.float16], own: Rows, k: int, floor: float) -> Neighbours:
    """Return the k nearest others of some rows, by row, best first, with a cosine >= `floor`."""
    queries = vectors[own].astype(np.float32)
    found = Neighbours.none()
    for left in range(0, len(vectors), _COLUMNS):
        others = np.arange(left, min(left + _COLUMNS, len(vectors)))
        more = _reaching(queries, own, vectors[others].astype(np.float32), others, floor)
        found = _best_of_each(_joined([found, more]), k)
    return found


def _in_all(vectors: NDArray[np.float16], k: int, floor: float) -> Iterator[Neighbours]:
    for start in range(0, len(vectors), _ROWS):
        own = np.arange(start, min(start + _ROWS, len(vectors)))
        yield nearest(vectors, own, k, floor)


def _in_clusters(vectors: NDArray[np.float16], k: int, floor: float) -> Iterator[Neighbours]:
    """Yield the nearest of all vectors, as far as clusters have them together."""
    probed = _probed_clusters(vectors)
    home = probed[:, 0]
    by_home = np.argsort(home, kind="stable")
    places = np.argsort(probed.ravel(), kind="stable")
    count = int(probed.max()) + 1
    homes = np.searchsorted(home[by_home], np.arange(count + 1))
    visits = np.searchsorted(probed.ravel()[places], np.arange(count + 1))
    held, size = [Neighbours.none()], 0
    for cluster in range(count):
        others = by_home[homes[cluster] : homes[cluster + 1]]
        own = places[visits[cluster] : visits[cluster + 1]] // probed.shape[1]
        there = vectors[others].astype(np.float32)
        for start in range(0, len(own), _COLUMNS):
            rows = own[start : start + _COLUMNS]
            queries = vectors[rows].astype(np.float32)
            more = _best_of_each(_reaching(queries, rows, there, others, floor), k)
            held.append(more)
            size += len(more.rows)
            if size > _HELD:
                held = [_best_of_each(_joined(held), k)]
                size = len(held[0].rows)
    yield _best_of_each(_joined(held), k)


def _probed_clusters(vectors: NDArray[np.float16]) -> Rows:
    """Return the clusters (n, probed) that are nearest to each vector, nearest first."""
    # FAISS takes a second to import, and only large libraries need it here.
    from retrieval.stores.clustering import spherical_centres

    count = max(len(vectors) // _A_CLUSTER, 1)
    step = max(len(vectors) // (_TRAINED_ON * count), 1)
    centres = spherical_centres(vectors[::step].astype(np.float32), count)
    probed = np.empty((len(vectors), min(_PROBED, count)), np.int64)
    for start in range(0, len(vectors), _COLUMNS):
        part = slice(start, start + _COLUMNS)
        cosines = vectors[part].astype(np.float32) @ centres.T
        best = np.argpartition(-cosines, probed.shape[1] - 1, axis=1)[:, : probed.shape[1]]
        order = np.argsort(-np.take_along_axis(cosines, best, 1), axis=1, kind="stable")
        probed[part] = np.take_along_axis(best, order, 1)
    return probed


def _reaching(
    queries: NDArray[np.float32],
    own: Rows,
    vectors: NDArray[np.float32],
    others: Rows,
    floor: float,
) -> Neighbours:
    """Return the pairs of rows `own` (q,) and `others` (n,) with a cosine >= `floor`."""
    cosines = queries @ vectors.T
    which, column = np.nonzero(cosines >= floor)
    elsewhere = own[which] != others[column]
    which, column = which[elsewhere], column[elsewhere]
    return Neighbours(own[which], others[column], cosines[which, column])


def _joined(parts: list[Neighbours]) -> Neighbours:
    return Neighbours(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.others for part in parts]),
        np.concatenate([part.cosines for part in parts]),
    )


def _best_of_each(near: Neighbours, k: int) -> Neighbours:
    order = np.lexsort((near.others, -near.cosines, near.rows))
    rising = near.rows[order]
    order = order[np.arange(len(order)) - np.searchsorted(rising, rising, "left") < k]
    return Neighbours(near.rows[order], near.others[order], near.cosines[order])
