"""Compare kinds of approximate indexes that FAISS has with the one that Pixtrieve uses.

    python benchmarks/indexes.py [--count N] [--only NAME …]

The vectors are those of `limits.py`, called `real` there, and the questions, too: texts that
are not asked choose the setting, the least that finds 0.98 of the ten nearest.
Each index returns 256 rows, which are compared exactly by their half floats, except those of HNSW
over half floats, which are exact already. All run on one thread, and time is processor time, which
other programs on the machine disturb less. Bytes are those beside the half floats themselves.

The second table is k-means for the clusters of N vectors, over 63 coordinates along principal axes.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import faiss
import labelled
import numpy as np
from bench import Machine, note, print_table
from limits import questions_of, real
from numpy.typing import NDArray

from retrieval.encoders.models.cache import user_cache
from retrieval.stores import Ids, Scores, StoreHeader, Vectors
from retrieval.stores.axes import fitted
from retrieval.stores.clustered import TARGET, ClusteredStore
from retrieval.stores.tuning import Tuning
from retrieval.vectors import STORED, as_stored

_K, _COMPARED = 10, 256
_ROUNDS = 4
_ROUNDING = 1e-6
_TUNING = 150  # about so many texts choose the setting
_AXES = 63
_SETTINGS = [round(2 ** (step / 2)) for step in range(25)]  # clusters, or nodes of a graph


@dataclass(frozen=True, slots=True)
class Kind:
    """An index: how it is built, and how it finds rows with a setting."""

    build: Callable[[Vectors], Any]
    find: Callable[[Any, Vectors, int], Ids]
    least: int = 1  # the least setting that makes sense


def made(description: str, metric: int) -> Callable[[Vectors], Any]:
    """Return what builds an index that FAISS's factory describes; {} is the number of clusters."""

    def build(vectors: Vectors) -> Any:
        lists = clusters(len(vectors))
        index = faiss.index_factory(vectors.shape[1], description.format(lists), metric)
        index.train(vectors[:: max(len(vectors) // (64 * lists), 1)])
        index.add(vectors)
        return index

    return build


def clusters(count: int) -> int:
    """Return the number of clusters that Pixtrieve uses for so many vectors."""
    return 1 << max(round(math.log2(count) / 2), 0)


def in_lists(index: Any, query: Vectors, probes: int) -> Ids:
    """Return the rows that an IVF index finds in the nearest clusters."""
    faiss.extract_index_ivf(index).nprobe = probes
    return found_rows(index.search(query[None], _COMPARED))


def in_graph(index: Any, query: Vectors, nodes: int) -> Ids:
    """Return the rows that an HNSW index finds by keeping so many nodes."""
    parameters = faiss.SearchParametersHNSW(efSearch=nodes)
    return found_rows(index.search(query[None], min(nodes, _COMPARED), params=parameters))


def found_rows(answer: tuple[NDArray[np.float32], Ids]) -> Ids:
    """Return the rows that are there of an answer to one query."""
    rows: Ids = answer[1][0]
    return rows[rows >= 0]


KINDS = {
    "IVF, 1-bit RaBitQ": Kind(made("IVF{},RaBitQ", faiss.METRIC_INNER_PRODUCT), in_lists),
    "IVF, 1-bit RaBitQ FastScan": Kind(
        made("IVF{},RaBitQfs", faiss.METRIC_INNER_PRODUCT), in_lists
    ),
    "IVF, PQ of 4 bits, 64 bytes, FastScan": Kind(
        made("IVF{},PQ128x4fs", faiss.METRIC_INNER_PRODUCT), in_lists
    ),
    "HNSW, half floats": Kind(made("HNSW16,SQfp16", faiss.METRIC_L2), in_graph, _K),
    "HNSW, bytes": Kind(made("HNSW16,SQ8", faiss.METRIC_L2), in_graph, _K),
}
OURS = "Pixtrieve's `ivf`"


@dataclass(frozen=True, slots=True)
class Contender:
    """A built index: processor seconds, bytes a row, and the best scores that it finds."""

    name: str
    seconds: float
    size: float
    search: Callable[[Vectors, int], Scores]  # a query (dim,) and a setting
    settings: Sequence[int]


def ours(vectors: Vectors) -> Contender:
    """Return Pixtrieve's index."""
    started = time.process_time()
    count, dim = vectors.shape
    store = ClusteredStore.build(dim, [(np.arange(count), vectors)])
    seconds = time.process_time() - started
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "store")
        store.save(path, StoreHeader("indexes", dim, 1, "", count, count - 1))
        size = os.path.getsize(path) / count - dim * STORED.itemsize

    def search(query: Vectors, probes: int) -> Scores:
        store.tuning = Tuning(probes, 0, 0, 0, 0, 0)
        scores: Scores = store.search(query[None], _K)[0][0]
        return scores

    return Contender(OURS, seconds, size, search, _SETTINGS)


def theirs(name: str, vectors: Vectors, half_floats: NDArray[np.float16]) -> Contender:
    """Return one of FAISS's indexes, whose rows are compared again by their half floats."""
    kind = KINDS[name]
    started = time.process_time()
    index = kind.build(vectors)
    seconds = time.process_time() - started

    def search(query: Vectors, setting: int) -> Scores:
        rows = kind.find(index, query, setting)
        scores: Scores = np.sort(half_floats[rows].astype(np.float32) @ query)[::-1][:_K]
        return scores

    size = len(faiss.serialize_index(index)) / len(vectors)
    settings = [each for each in _SETTINGS if each >= kind.least]
    return Contender(name, seconds, size, search, settings)


def row_of(contender: Contender, tuning: Asked, asked: Asked) -> list[str]:
    """Return the line of an index: with the least setting that finds enough."""
    setting = next(
        (each for each in contender.settings if tuning.recall(contender, each) >= TARGET),
        contender.settings[-1],
    )
    times = [least_ms(partial(contender.search, query, setting)) for query in asked.queries]
    return [
        contender.name,
        f"{contender.seconds:.0f}",
        f"{contender.size:.0f}",
        f"{setting}",
        f"{asked.recall(contender, setting):.3f}",
        f"{np.median(times):.2f}",
    ]


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries (q, dim), and the score of each one's tenth nearest (q,)."""

    queries: Vectors
    tenth: Scores

    def recall(self, contender: Contender, setting: int) -> float:
        """Return the share of the ten nearest that an index finds; of equal ones, any will do."""
        hits = [
            np.count_nonzero(contender.search(query, setting) >= least - _ROUNDING)
            for query, least in zip(self.queries, self.tenth, strict=True)
        ]
        return float(np.mean(hits)) / _K


def least_ms(call: Callable[[], object]) -> float:
    """Return the least processor milliseconds of a call."""
    times = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        call()
        times.append(1000 * (time.process_time() - started))
    return min(times)


def k_means_rows(vectors: Vectors) -> Iterator[list[str]]:
    """Yield a line for each k-means: processor seconds, and how far rows lie from their centre."""
    axes, count = fitted(vectors[:: len(vectors) // 16_384 or 1], (_AXES,)), clusters(len(vectors))
    along = axes.coordinates(vectors - axes.mean)[0]
    some = np.ascontiguousarray(along[:: max(len(along) // (64 * count), 1)])

    def plain() -> Vectors:
        means = faiss.Kmeans(along.shape[1], count, niter=8, seed=1, min_points_per_centroid=1)
        means.train(some)
        return np.asarray(means.centroids)

    def superior() -> Vectors:
        parameters = faiss.SuperKMeansParameters()
        parameters.niter, parameters.seed = 8, 1
        means = faiss.SuperKMeans(along.shape[1], count, parameters)
        means.train(some)
        return np.asarray(faiss.vector_to_array(means.centroids)).reshape(count, -1)

    for name, train in (("FAISS's k-means", plain), ("SuperKMeans", superior)):
        note(name)
        started = time.process_time()
        centres = train()
        seconds = time.process_time() - started
        index = faiss.IndexFlatL2(along.shape[1])
        index.add(centres)
        distances = index.search(along, 1)[0]
        yield [name, f"{count} of {len(some):,}", f"{seconds:.2f}", f"{distances.mean():.4f}"]


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    labelled.options(parser)
    parser.add_argument("--cache", default=os.path.join(user_cache(), "pixtrieve-benchmarks"))
    parser.add_argument("--count", type=int, default=200_000, help="vectors (%(default)s)")
    parser.add_argument("--questions", type=int, default=60, help="texts asked (%(default)s)")
    parser.add_argument("--only", nargs="+", choices=KINDS, help="these indexes, beside ours")
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    asked, base = questions_of(arguments)
    vectors = as_stored(np.concatenate([page for _, page in real(arguments.count, base)]))
    machine = Machine()
    oracle = faiss.IndexFlatIP(vectors.shape[1])
    oracle.add(vectors)
    tuning, texts = (
        Asked(some, oracle.search(some, _K)[0][:, -1])
        for some in (asked.tuning[:: len(asked.tuning) // _TUNING], asked.kinds["texts"])
    )
    del oracle
    note(OURS)
    rows = [row_of(ours(vectors), tuning, texts)]
    half_floats = vectors.astype(STORED)
    for name in arguments.only or KINDS:
        note(name)
        rows.append(row_of(theirs(name, vectors, half_floats), tuning, texts))
    means = list(k_means_rows(vectors))
    print_table(
        f"{arguments.count:,} vectors, a question in words, {machine.line()}",
        ("index", "built, cpu s", "bytes a row", "setting", "recall@10", "cpu ms"),
        rows,
    )
    print_table("K-means", ("", "clusters of vectors", "cpu s", "mean squared distance"), means)


if __name__ == "__main__":
    main()
