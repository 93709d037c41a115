"""Neighbours and clusters of many vectors at once, by FAISS. Distances are Euclidean."""

from __future__ import annotations

import faiss
import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]

_EXACT = 5_000
"""Up to this many vectors, every query is compared with all of them."""

_CELLS, _CELLS_PROBED = 1024, 16
_TRAINED_ON, _TRAINING_ROUNDS = 40, 8  # vectors for each cell; rounds of k-means
_ROUNDS = 20
_RESTARTS, _WORTH_RESTARTS = 10, 2_000
"""Up to this many vectors, k-means keeps the best of ten runs: one run may merge two clusters."""

_SEED = 1


def nearest_rows(among: Floats, queries: Floats, k: int) -> tuple[Floats, Rows]:
    """Return squared distances and rows, both (q, k), of the nearest of (n, dim) vectors.

    Nearest first; k is at most n. Beyond 5,000 vectors the search is approximate: it probes 16 of
    1,024 cells and misses about one neighbour in ten.
    """
    among, queries = np.ascontiguousarray(among), np.ascontiguousarray(queries)
    index = faiss.IndexFlatL2(among.shape[1])
    if len(among) > _EXACT:
        cells = min(_CELLS, len(among) // _TRAINED_ON)
        index = faiss.IndexIVFFlat(index, among.shape[1], cells)
        index.cp.seed, index.cp.niter = _SEED, _TRAINING_ROUNDS
        order = np.random.default_rng(_SEED).permutation(len(among))
        index.train(among[np.sort(order[: cells * _TRAINED_ON])])
        index.nprobe = min(_CELLS_PROBED, cells)
    index.add(among)
    distances, rows = index.search(queries, k)
    # The probed cells may hold fewer than k vectors: the nearest one fills the other places.
    missing = rows < 0
    distances = np.where(missing, distances[:, :1], distances)
    return distances, np.where(missing, rows[:, :1], rows)


def k_means(vectors: Floats, k: int, weights: Floats | None = None) -> Rows:
    """Return the cluster, 0 to k - 1, of each of (n, dim) vectors; some may be empty."""
    if k >= len(vectors):
        return np.arange(len(vectors))
    means = faiss.Kmeans(
        vectors.shape[1],
        k,
        niter=_ROUNDS,
        seed=_SEED,
        nredo=_RESTARTS if len(vectors) <= _WORTH_RESTARTS else 1,
        min_points_per_centroid=1,
        max_points_per_centroid=512,
    )
    means.train(np.ascontiguousarray(vectors), weights)
    _, nearest = means.index.search(np.ascontiguousarray(vectors), 1)
    return np.asarray(nearest[:, 0], np.int64)


def spherical_centres(vectors: Floats, k: int) -> Floats:
    """Return the (k, dim) unit centres of clusters of (n, dim) unit vectors, by cosine."""
    means = faiss.Kmeans(
        vectors.shape[1],
        k,
        niter=_TRAINING_ROUNDS,
        seed=_SEED,
        spherical=True,
        min_points_per_centroid=1,
    )
    means.train(np.ascontiguousarray(vectors))
    return np.asarray(means.centroids, np.float32)
