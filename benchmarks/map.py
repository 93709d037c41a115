"""Measure the time of computing a map, and how well it preserves nearest neighbours.

    python benchmarks/map.py                         1,000 and 100,000 clustered random vectors
    python benchmarks/map.py --library DIR           an indexed library

Seconds are processor time, summed over all threads. "Kept" is the share of a picture's ten nearest
neighbours by cosine that are among its 10, 50 and 200 nearest on the map, for 1,000 pictures. If
`umap-learn` is installed, its map is also measured.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from retrieval import Library
from retrieval.map.layout import NEIGHBOURS, lay_out
from retrieval.map.projection import DIMENSIONS, Projection
from retrieval.map.regions import levels_of

_DIM = 512
_ASKED = 1000

Floats = NDArray[np.float32]


def clustered(count: int) -> Floats:
    """Return `count` unit vectors around 500 random directions."""
    random = np.random.default_rng(1)
    middles = random.standard_normal((500, _DIM)).astype(np.float32)
    vectors = middles[random.integers(0, 500, count)] * 0.6
    vectors += random.standard_normal((count, _DIM)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def of_library(path: str) -> Floats:
    """Return the vectors of a library."""
    with Library.open(path) as library:
        blobs = [blob for _, blob in library.images()]
    return np.stack([np.frombuffer(blob, "<f2") for blob in blobs]).astype(np.float32)


def kept(vectors: Floats, places: Floats) -> Iterator[float]:
    """Yield the shares of neighbours among the 10, 50 and 200 nearest points on the map."""
    asked = np.random.default_rng(3).permutation(len(vectors))[:_ASKED]
    true = [np.argsort(-(vectors @ vectors[row]), kind="stable")[1:11] for row in asked]
    for count in (10, 50, 200):
        near = []
        for row in asked:
            apart = ((places - places[row]) ** 2).sum(axis=1)
            near.append(np.argpartition(apart, count + 1)[: count + 1])
        shares = [np.isin(a, b).mean() for a, b in zip(true, near, strict=True)]
        yield float(np.mean(shares))


def measure(vectors: Floats) -> None:
    """Measure and print the figures of one library."""
    began = time.process_time()
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    _, directions = np.linalg.eigh(centred.T @ centred)
    points = Projection(mean, directions[:, ::-1][:, :DIMENSIONS]).apply(vectors)
    laying = lay_out(points)
    try:
        while True:
            next(laying)
    except StopIteration as done:
        places, _ = done.value
    levels_of(points, places)
    seconds = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    shares = ", ".join(f"{share:.3f}" for share in kept(vectors, places))
    print(f"{len(vectors):,}: {seconds:.1f} s, kept {shares}, peak memory {memory:.0f} MB")
    print("  principal components alone: kept", *(f"{s:.3f}" for s in kept(vectors, points[:, :2])))
    try:
        import umap  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return
    began = time.process_time()
    start = points[:, :2] / np.abs(points[:, :2]).max() * 10
    model = umap.UMAP(n_neighbors=NEIGHBOURS, random_state=0, n_jobs=1, init=start)
    found = model.fit_transform(points)
    print(
        f"  umap: {time.process_time() - began:.1f} s, kept",
        *(f"{s:.3f}" for s in kept(vectors, found)),
    )


def main() -> None:
    """Measure the library, or random vectors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", help="map this library instead of random vectors")
    asked = parser.parse_args()
    if asked.library:
        measure(of_library(asked.library))
        return
    for count in (1_000, 100_000):
        measure(clustered(count))


if __name__ == "__main__":
    main()
