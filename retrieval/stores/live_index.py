"""Nearest vectors of a library that may be growing: a cached store, newer rows, rows gone.

The cache may be deleted at any time. Vectors that the catalogue got since it was written are
compared exactly, and vectors that left are masked. When there are too many of either, or the cache
does not belong to this catalogue and model, it is rebuilt.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Snapshot
from retrieval.catalogue.vectors import GREATEST_ID
from retrieval.errors import reason_of
from retrieval.stores import (
    ApproximateStore,
    BuiltStore,
    Ids,
    IdSet,
    Scores,
    StoreFactory,
    StoreHeader,
    Vectors,
    VectorStore,
)
from retrieval.stores.cache_file import CacheKey, forget_check
from retrieval.stores.exact import ExactStore, merge
from retrieval.whole_file import remove_stale

if TYPE_CHECKING:
    from retrieval.query.where.conditions import Condition

_log = logging.getLogger(__name__)

_FRESH_ROWS = 5_000
"""Up to this many rows that are newer than the cache, or gone from it, cost a query no time."""

_FRESH_SHARE = 0.1
"""Beyond `_FRESH_ROWS`, the share of the cache up to which a query works with stale rows."""

_SMALL = 100_000
"""Up to this many vectors, an indexing run rebuilds the cache after every change: it is quick."""

_WORTH_SHARE = 0.01
"""Beyond `_SMALL`, the share of stale rows from which an indexing run rebuilds the cache."""

_SPARE = 8
"""The number of further rows that a search of the cache asks for when some rows are gone."""


class VectorSource(Protocol):
    """Where the vectors are kept for good: `catalogue.Vectors`."""

    def snapshot(self) -> Snapshot:
        """Return where the catalogue stands."""
        ...

    def stamp_of(self, generation: int) -> str | None:
        """Return the stamp of a generation, None if the catalogue does not know it."""
        ...

    def after(
        self, last_id: int, damaged: list[int] | None = None
    ) -> Iterator[tuple[Ids, Vectors]]:
        """Yield pages of live vectors with ids above `last_id`, rising.

        Damaged ones are left out, and their ids are appended to `damaged`.
        """
        ...

    def removed_since(self, generation: int) -> Ids:
        """Return the ids that left the results after a generation."""
        ...


@dataclass(frozen=True, slots=True)
class _View:
    """The library at one moment, ready to be searched."""

    snapshot: Snapshot
    cached: VectorStore
    newer: ExactStore
    gone: Ids
    last_cached: int  # ids above this one are newer
    damaged: Ids  # vectors of the catalogue that are in neither store


class LiveIndex:
    """Searches one model's vectors as they are in the catalogue now.

    To notice changes costs one small SQL query for each search. For one thread.
    """

    def __init__(
        self,
        source: VectorSource,
        key: CacheKey,
        factory: StoreFactory,
        report: Callable[[Ids, bool], None] | None = None,
    ) -> None:
        """Follow `source`; `factory` builds the cache and loads it.

        `report` is called with the ids of damaged vectors, which are in no answer, and whether all
        vectors were read: whenever there are any, and at every rebuild.
        """
        self._report = report
        self._source = source
        self._key = key
        self._factory = factory
        self._view: _View | None = None
        self._samples: dict[int, Vectors] = {}  # of the view, by size

    def search(
        self,
        queries: Vectors,
        k: int,
        allowed: IdSet | None = None,
        where: Condition | None = None,
        *,
        exact: bool = False,
    ) -> tuple[Scores, Ids]:
        """Return the k nearest of one query (1, dim): see `VectorIndex.search`.

        If `exact`, an approximate cache misses nothing either.
        """
        view = self._current()
        if allowed is not None and len(allowed):
            allowed = allowed[: np.searchsorted(allowed, GREATEST_ID, "right")]
        search = view.cached.search
        if exact and isinstance(view.cached, ApproximateStore):
            search = view.cached.exact
        cached = _living(lambda count: search(queries, count, allowed), k, view.gone)
        return merge([cached, view.newer.search(queries, k, allowed)], k)

    def vectors(self, ids: Ids) -> Vectors:
        """Return the (n, dim) vectors of (n,) ids that a search has returned, in their order."""
        view = self._current()
        cached = ids <= view.last_cached
        found = np.empty((len(ids), self._key.dim), np.float32)
        found[cached] = view.cached.vectors(ids[cached])
        found[~cached] = view.newer.vectors(ids[~cached])
        return found

    def damaged(self) -> Ids:
        """Return the rising ids of live vectors that are damaged, and therefore in no answer."""
        return self._current().damaged

    def holds(self, ids: Ids) -> NDArray[np.bool_]:
        """Tell for each of (n,) ids whether `vectors` returns it."""
        view = self._current()
        return np.isin(ids, view.cached.ids()) | np.isin(ids, view.newer.ids())

    def sample(self, size: int) -> Vectors:
        """Return up to `size` vectors, (n, dim), evenly spread over the library by age."""
        view = self._current()
        if size not in self._samples:
            ids = np.concatenate([np.setdiff1d(view.cached.ids(), view.gone), view.newer.ids()])
            step = max(len(ids) / size, 1)
            chosen = ids[np.arange(0, len(ids), step).astype(np.int64)]
            self._samples[size] = self.vectors(chosen)
            self._samples[size].setflags(write=False)  # the next caller gets the same array
        return self._samples[size]

    def count(self) -> int:
        """Return how many vectors a search compares the query with."""
        view = self._current()
        return view.cached.count() + view.newer.count() - len(view.gone)

    def refresh(self, *, anyway: bool = False) -> bool:
        """Rebuild the cache if enough has changed, or `anyway`; return whether it was rebuilt."""
        view = self._current()
        stale, cached = view.newer.count() + len(view.gone), view.cached.count()
        small = not stale or (cached > _SMALL and stale < cached * _WORTH_SHARE)
        if small and not anyway:
            return False
        self._view = self._rebuild(view.snapshot)
        return True

    def approximate(self) -> ApproximateStore | None:
        """Return the cache if it is approximate, to tune it."""
        cached = self._current().cached
        return cached if isinstance(cached, ApproximateStore) else None

    def verify(self) -> None:
        """Check all of the cache file now, if there is one, and rebuild it if it is damaged.

        Reads a gigabyte for 650,000 vectors of 512 numbers: `serve` does it when it starts.
        """
        if self._key.is_own() and os.path.exists(self._key.path):
            forget_check(self._key.path)
            self._view = None
            self._current()

    def _current(self) -> _View:
        snapshot = self._source.snapshot()
        if self._view is None or self._view.snapshot != snapshot:
            self._view = self._load(snapshot) or self._rebuild(snapshot)
            self._samples.clear()
        return self._view

    def _load(self, snapshot: Snapshot) -> _View | None:
        """Return a view over the cache, or None when it must be rebuilt."""
        loaded = self._factory.load(self._key.path) if self._key.is_own() else None
        if loaded is None:
            return None
        cached, header = loaded
        if not self._usable(header):
            return None
        if header.generation == snapshot.generation:
            return self._unchanged(snapshot, cached, header, rebuilt=False)
        limit = max(_FRESH_ROWS, int(header.count * _FRESH_SHARE))
        gone = self._source.removed_since(header.generation)
        gone = gone[gone <= header.last_id]
        if len(gone) > limit:
            return None
        pages: list[tuple[Ids, Vectors]] = []
        damaged: list[int] = []
        for ids, vectors in self._source.after(header.last_id, damaged):
            pages.append((ids, vectors))
            if sum(len(page_ids) for page_ids, _ in pages) > limit:
                return None
        newer = ExactStore.build(self._key.dim, pages)
        still = np.setdiff1d(np.array([*header.damaged, *damaged], np.int64), gone)
        self._tell(still, rebuilt=False)
        return _View(snapshot, cached, newer, gone, header.last_id, still)

    def _unchanged(
        self, snapshot: Snapshot, cached: VectorStore, header: StoreHeader, *, rebuilt: bool
    ) -> _View:
        """Return a view over a store that holds what the catalogue holds."""
        newer, gone = ExactStore.build(self._key.dim, []), np.empty(0, np.int64)
        damaged = np.array(header.damaged, np.int64)
        self._tell(damaged, rebuilt=rebuilt)
        return _View(snapshot, cached, newer, gone, header.last_id, damaged)

    def _tell(self, damaged: Ids, *, rebuilt: bool) -> None:
        if self._report is not None and (rebuilt or len(damaged)):
            self._report(damaged, rebuilt)

    def _usable(self, header: StoreHeader) -> bool:
        return (
            header.fingerprint == self._key.fingerprint
            and header.dim == self._key.dim
            and header.stamp == self._source.stamp_of(header.generation)
        )

    def _rebuild(self, snapshot: Snapshot) -> _View:
        built = None
        try:
            folder = os.path.dirname(self._key.path)
            self._key.require_own()
            os.makedirs(folder, exist_ok=True)
            remove_stale(folder)
            store, header = built = self._built(snapshot, folder)
            store.save(self._key.path, header)
        except OSError as error:
            # A read-only library still answers, but every process builds the cache again.
            _log.warning("the cache %s could not be written: %s", self._key.path, reason_of(error))
            store, header = built or self._built(snapshot, None)
            return self._unchanged(snapshot, store, header, rebuilt=True)
        # The system can reclaim the memory of a mapped file, but not that of a store just built.
        loaded = self._factory.load(self._key.path)
        cached = loaded[0] if loaded and loaded[1] == header else store
        return self._unchanged(snapshot, cached, header, rebuilt=True)

    def _built(self, snapshot: Snapshot, folder: str | None) -> tuple[BuiltStore, StoreHeader]:
        damaged: list[int] = []
        store = self._factory.build(self._key.dim, self._source.after(0, damaged), folder)
        ids = store.ids()
        header = StoreHeader(
            fingerprint=self._key.fingerprint,
            dim=self._key.dim,
            generation=snapshot.generation,
            stamp=snapshot.stamp,
            count=len(ids),
            last_id=int(ids[-1]) if len(ids) else 0,
            damaged=sorted(damaged),
        )
        return store, header


def _living(search: Callable[[int], tuple[Scores, Ids]], k: int, gone: Ids) -> tuple[Scores, Ids]:
    """Return the k best of a search (1, …) that are not gone.

    Few rows that are gone are near a question, so few more than k are asked for at first.
    """
    spare = min(_SPARE, len(gone))
    while True:
        scores, ids = search(k + spare)
        alive = ~np.isin(ids[0], gone)
        if spare == len(gone) or np.count_nonzero(alive) >= k or ids.shape[1] < k + spare:
            return scores[:, alive], ids[:, alive]
        spare = min(2 * spare, len(gone))
