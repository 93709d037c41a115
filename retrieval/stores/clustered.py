"""The approximate store, for millions of vectors: looks only into the clusters near a question.

It holds what the exact store holds; the lists of its screen are clusters by k-means. A question is
compared with their centres, then with the coarse copy of the rows in the nearest clusters, then
exactly with the best of these. So scores are true, and what may be missing is a vector in a cluster
that was not looked into. How many clusters that takes is measured (`tune`); until then, for more
than `GREATEST_K` rows, and where a filter leaves few rows, the answer is exact.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import faiss
import numpy as np
from numpy.typing import NDArray

from retrieval.errors import reason_of
from retrieval.stores import Ids, IdSet, Scores, StoreHeader, Vectors
from retrieval.stores.axes import Axes
from retrieval.stores.body import Body, StoredRows
from retrieval.stores.flat import FlatStore, marks
from retrieval.stores.list_file import ListNumbers
from retrieval.stores.screen import ROUNDING, Screen
from retrieval.stores.tuning import Tuning, read_tuning, write_tuning

_log = logging.getLogger(__name__)

GREATEST_K = 128
"""The most rows that are looked for in clusters alone."""

TARGET = 0.98
"""The share of the ten nearest that a question should find."""

_K = 10
_COMPARED = 256
"""The number of rows that are compared exactly."""

_FILTERED = 8
"""A filter that leaves less than one row in this many is answered exactly."""

_TRAINED_ON, _ROUNDS, _SEED = 64, 8, 1  # vectors for each cluster; rounds of k-means
_PAGE = 65_536
_PICTURES = 64
"""The number of stored vectors that are asked, beside texts."""


class ClusteredStore(FlatStore):
    """A `FlatStore` whose questions may look into a part of its lists only."""

    MAGIC = b"PIXCLUS2"
    tuning: Tuning | None = None
    saved: tuple[str, StoreHeader] | None = None  # where it was loaded from

    @classmethod
    def screen_of(cls, rows: StoredRows, body: Body) -> Screen:
        """Return the coarse copy of rows in clusters, written into a body."""
        return Screen.build(rows, body, _clusters)

    @classmethod
    def load(cls, path: str) -> tuple[Self, StoreHeader] | None:
        """Map the store saved under `path`, tuned as it was: see `StoreFactory.load`."""
        found = super().load(path)
        if found is not None:
            store, header = found
            store.tuning, store.saved = read_tuning(path, header), (path, header)
        return found

    def search(self, queries: Vectors, k: int, allowed: IdSet | None = None) -> tuple[Scores, Ids]:
        """Return about the k nearest, best first: see `VectorStore.search`."""
        probes = self.tuning.probes if self.tuning else 0
        k = min(k, self.count())
        if not self._screen or not probes or not 0 < k <= min(GREATEST_K, self.count()):
            return self.exact(queries, k, allowed)
        marked = None
        if allowed is not None:
            stored = self._ids()
            marked = marks(allowed, int(stored[-1]) + 1)[stored]
            if np.count_nonzero(marked) < max(self.count() // _FILTERED, k):
                return self.exact(queries, k, allowed)
        queries = np.ascontiguousarray(queries, np.float32)
        found = [self._near(self._screen, query, k, probes, marked) for query in queries]
        if any(len(ids) < k for _, ids in found):
            return self.exact(queries, k, allowed)
        scores, ids = (np.stack(column) for column in zip(*found, strict=True))
        return scores, ids

    def exact(self, queries: Vectors, k: int, allowed: IdSet | None = None) -> tuple[Scores, Ids]:
        """Return the k nearest, best first, without a miss."""
        return super().search(queries, k, allowed)

    @property
    def lists(self) -> int:
        """The number of clusters, 0 when there are too few vectors for any."""
        return self._screen.index.nlist if self._screen else 0

    def recall_of(self, queries: Vectors) -> float:
        """Return the share of the ten nearest to (q, dim) queries that `search` finds."""
        probes = self.tuning.probes if self.tuning else 0
        return self._recall(self._asked(queries), probes) if probes else 1.0

    def _near(
        self,
        screen: Screen,
        query: Vectors,
        k: int,
        probes: int,
        allowed: NDArray[np.bool_] | None = None,
    ) -> tuple[Scores, Ids]:
        rows = screen.near(query, probes, _COMPARED, self._scan, allowed)
        scores = self._scores(rows, query)
        if len(rows) > k:
            rows = rows[scores >= np.partition(scores, -k)[-k] - 2 * ROUNDING]
        return self._best(rows, query, k)

    def tune(self, texts: Vectors) -> Tuning:
        """Choose how many clusters to look into, by questions in words (t, dim), and measure it.

        Every second question serves to choose, the others to measure.
        """
        ids = self._ids()
        pictures = self.vectors(ids[:: -(-len(ids) // (2 * _PICTURES))])
        chosen, measured = (
            (self._asked(texts[part::2]), self._asked(pictures[part::2])) for part in (0, 1)
        )
        tries = sorted({round(2 ** (step / 2)) for step in range(2 * self.lists.bit_length() - 4)})
        probes = next(
            (probes for probes in tries if all(self._recall(q, probes) >= TARGET for q in chosen)),
            0,
        )
        in_texts, in_pictures = (self._recall(q, probes) if probes else 1.0 for q in measured)
        asked = measured[0].queries
        exact = median_ms(lambda query: self.exact(query[None], _K), asked)
        count = sum(len(questions.queries) for questions in measured)
        self.tuning = Tuning(probes, in_texts, in_pictures, count, exact, exact)
        near = median_ms(lambda query: self.search(query[None], _K), asked)
        self.tuning = replace(self.tuning, milliseconds=near)
        if self.saved is not None:
            try:
                write_tuning(*self.saved, self.tuning)
            except OSError as error:
                _log.warning("%s could not be tuned for good: %s", self.saved[0], reason_of(error))
        return self.tuning

    def _asked(self, queries: Vectors) -> _Asked:
        return _Asked(queries, np.array([self.exact(q[None], _K)[0][0, -1] for q in queries]))

    def _recall(self, asked: _Asked, probes: int) -> float:
        """Return the share of the nearest that are found; of equal scores, any will do."""
        if self._screen is None:
            return 1.0
        hits = [
            np.count_nonzero(self._near(self._screen, query, _K, probes)[0] >= least)
            for query, least in zip(asked.queries, asked.tenth, strict=True)
        ]
        return float(np.mean(hits)) / min(_K, self.count()) if hits else 1.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """Queries (q, dim) and the score of each one's tenth nearest (q,)."""

    queries: Vectors
    tenth: Scores


def _clusters(rows: StoredRows, axes: Axes) -> tuple[Vectors, ListNumbers]:
    """Return centres (c, kept), and the cluster of each row (n,)."""
    count = max(1 << round(np.log2(len(rows)) / 2), 1)
    some = rows.every(max(len(rows) // (_TRAINED_ON * count), 1))
    means = faiss.Kmeans(axes.kept, count, niter=_ROUNDS, seed=_SEED, min_points_per_centroid=1)
    means.train(np.concatenate([_along(axes, page) for page in _pages(some)]))
    of_row = np.empty(len(rows), np.int32)
    for at in range(0, len(rows), _PAGE):
        along = _along(axes, rows.read(at, at + _PAGE))
        of_row[at : at + _PAGE] = means.index.search(along, 1)[1][:, 0]
    return means.centroids, of_row


def _pages(rows: NDArray[np.float16]) -> Iterator[NDArray[np.float16]]:
    return (rows[at : at + _PAGE] for at in range(0, len(rows), _PAGE))


def _along(axes: Axes, rows: NDArray[np.float16]) -> Vectors:
    return axes.coordinates(rows.astype(np.float32) - axes.mean)[0]


def median_ms(ask: Callable[[Vectors], object], queries: Vectors) -> float:
    """Return the median time that a call takes for one of (q, dim) queries, in milliseconds."""
    times = []
    for query in queries:
        started = time.perf_counter()
        ask(query)
        times.append(1000 * (time.perf_counter() - started))
    return round(float(np.median(times)), 3) if times else 0.0
