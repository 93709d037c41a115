"""Neighbours and clusters of many vectors at once, by FAISS. Distances are Euclidean."""

from __future__ import annotations

import faiss
import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]

_EXACT = 5_000
"""Up to so many vectors all are compared with all."""

_CELLS, _LOOKED_INTO = 1024, 16
_TRAINED_ON, _TRAINING_ROUNDS = 40, 8
_ROUNDS = 20
_TRIES, _WORTH_TRIES = 10, 2_000
"""Up to so many vectors the best of ten beginnings is taken: a bad one can put two into one."""

_SEED = 1


def nearest_rows(among: Floats, queries: Floats, k: int) -> tuple[Floats, Rows]:
    """Return distances squared and rows, both (q, k), of the nearest of (n, dim) vectors.

    Best first; k is at most n. Beyond 5,000 vectors they are looked for near at hand only, in 16
    of 1,024 cells, and one in ten or so is missed.
    """
    among, queries = np.ascontiguousarray(among), np.ascontiguousarray(queries)
    index = faiss.IndexFlatL2(among.shape[1])
    if len(among) > _EXACT:
        cells = min(_CELLS, len(among) // _TRAINED_ON)
        index = faiss.IndexIVFFlat(index, among.shape[1], cells)
        index.cp.seed, index.cp.niter = _SEED, _TRAINING_ROUNDS
        order = np.random.default_rng(_SEED).permutation(len(among))
        index.train(among[np.sort(order[: cells * _TRAINED_ON])])
        index.nprobe = min(_LOOKED_INTO, cells)
    index.add(among)
    distances, rows = index.search(queries, k)
    # The cells that were looked into may hold fewer than k: the best stands in for the rest.
    lacking = rows < 0
    distances = np.where(lacking, distances[:, :1], distances)
    return distances, np.where(lacking, rows[:, :1], rows)


def k_means(vectors: Floats, k: int, weights: Floats | None = None) -> Rows:
    """Return the cluster, 0 to k - 1, of each of (n, dim) vectors; some may stay empty."""
    if k >= len(vectors):
        return np.arange(len(vectors))
    means = faiss.Kmeans(
        vectors.shape[1],
        k,
        niter=_ROUNDS,
        seed=_SEED,
        nredo=_TRIES if len(vectors) <= _WORTH_TRIES else 1,
        min_points_per_centroid=1,
        max_points_per_centroid=512,
    )
    means.train(np.ascontiguousarray(vectors), weights)
    _, nearest = means.index.search(np.ascontiguousarray(vectors), 1)
    return np.asarray(nearest[:, 0], np.int64)
