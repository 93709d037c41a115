"""Nearest vectors of a library that may be growing: a cache file, what is newer, what is gone.

The cache may be deleted at any time. Vectors that the catalogue got since it was written are
compared exactly; vectors that left are masked; when either grows too large, or the file does not
belong to this catalogue and model, it is made anew.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Snapshot
from retrieval.stores import Ids, IdSet, Scores, VectorStore
from retrieval.stores.cache_file import CacheHeader
from retrieval.stores.exact import ExactStore, merge
from retrieval.stores.flat import FlatStore
from retrieval.whole_file import remove_stale

_log = logging.getLogger(__name__)

_FRESH_ROWS = 5_000
"""So many rows newer than the cache, or gone from it, never matter to a query's time."""

_FRESH_SHARE = 0.1
"""Beyond `_FRESH_ROWS`, the share of the cache at which it is worth writing again."""


_SMALL = 100_000
"""Up to so many vectors the file is written again after every change: it takes a moment."""

_WORTH_SHARE = 0.01
"""Beyond `_SMALL`, the share of stale rows at which an indexing run writes the file again."""


class VectorSource(Protocol):
    """Where the vectors truly are: `catalogue.Vectors`."""

    def snapshot(self) -> Snapshot:
        """Return where the catalogue stands."""
        ...

    def stamp_of(self, generation: int) -> str | None:
        """Return the stamp of a generation, None if the catalogue does not know it."""
        ...

    def after(self, last_id: int) -> Iterator[tuple[Ids, NDArray[np.float32]]]:
        """Yield pages of live vectors with ids above `last_id`, rising."""
        ...

    def removed_since(self, generation: int) -> Ids:
        """Return the ids that left the results after a generation."""
        ...


@dataclass(frozen=True, slots=True)
class CacheKey:
    """Which file holds the cache, and of which model it must be."""

    path: str
    fingerprint: str
    dim: int


@dataclass(frozen=True, slots=True)
class _View:
    """One moment of the library, ready to be searched."""

    snapshot: Snapshot
    cached: VectorStore
    newer: ExactStore
    gone: Ids
    last_cached: int  # ids above this one are newer


class LiveIndex:
    """Answers for one model; follows the catalogue, at the cost of one small query a question."""

    def __init__(self, source: VectorSource, key: CacheKey) -> None:
        self._source = source
        self._key = key
        self._view: _View | None = None
        self._samples: dict[int, NDArray[np.float32]] = {}  # of the view, by size

    def search(
        self, queries: NDArray[np.float32], k: int, allowed: IdSet | None = None
    ) -> tuple[Scores, Ids]:
        """Return the k nearest of one query (1, dim): see `VectorStore.search`.

        The caller holds `catalogue.reading()` so that ids and their rows are of one moment.
        """
        view = self._current()
        scores, ids = view.cached.search(queries, k + len(view.gone), allowed)
        alive = ~np.isin(ids[0], view.gone)
        cached = scores[:, alive], ids[:, alive]
        return merge([cached, view.newer.search(queries, k, allowed)], k)

    def vectors(self, ids: Ids) -> NDArray[np.float32]:
        """Return the (n, dim) vectors of (n,) ids that a search has returned, in their order."""
        view = self._current()
        cached = ids <= view.last_cached
        found = np.empty((len(ids), self._key.dim), np.float32)
        found[cached] = view.cached.vectors(ids[cached])
        found[~cached] = view.newer.vectors(ids[~cached])
        return found

    def sample(self, size: int) -> NDArray[np.float32]:
        """Return up to `size` vectors, (n, dim), evenly spread over the library by age."""
        view = self._current()
        if size not in self._samples:
            ids = np.concatenate([np.setdiff1d(view.cached.ids(), view.gone), view.newer.ids()])
            step = max(len(ids) / size, 1)
            chosen = ids[np.arange(0, len(ids), step).astype(np.int64)]
            self._samples[size] = self.vectors(chosen)
            self._samples[size].setflags(write=False)  # whoever is given it next shall find it so
        return self._samples[size]

    def count(self) -> int:
        """Return how many vectors a search compares with."""
        view = self._current()
        return view.cached.count() + view.newer.count() - len(view.gone)

    def refresh(self, *, anyway: bool = False) -> bool:
        """Write the cache file again if it is worth it, or `anyway`; return whether it was."""
        view = self._current()
        stale, cached = view.newer.count() + len(view.gone), view.cached.count()
        small = not stale or (cached > _SMALL and stale < cached * _WORTH_SHARE)
        if small and not anyway:
            return False
        self._view = self._rebuild(view.snapshot)
        return True

    def _current(self) -> _View:
        snapshot = self._source.snapshot()
        if self._view is None or self._view.snapshot != snapshot:
            self._view = self._load(snapshot) or self._rebuild(snapshot)
            self._samples.clear()
        return self._view

    def _load(self, snapshot: Snapshot) -> _View | None:
        """Return a view over the cache file, or None when the file cannot serve."""
        loaded = FlatStore.load(self._key.path)
        if loaded is None:
            return None
        cached, header = loaded
        if not self._usable(header):
            return None
        if header.generation == snapshot.generation:
            nothing = ExactStore(self._key.dim), np.empty(0, np.int64)
            return _View(snapshot, cached, *nothing, header.last_id)
        limit = max(_FRESH_ROWS, int(header.count * _FRESH_SHARE))
        gone = self._source.removed_since(header.generation)
        gone = gone[gone <= header.last_id]
        if len(gone) > limit:
            return None
        newer = ExactStore(self._key.dim)
        pages = []
        for ids, vectors in self._source.after(header.last_id):
            pages.append((ids, vectors))
            if sum(len(page_ids) for page_ids, _ in pages) > limit:
                return None
        if pages:
            newer.upsert(*(np.concatenate(column) for column in zip(*pages, strict=True)))
        return _View(snapshot, cached, newer, gone, header.last_id)

    def _usable(self, header: CacheHeader) -> bool:
        return (
            header.fingerprint == self._key.fingerprint
            and header.dim == self._key.dim
            and header.stamp == self._source.stamp_of(header.generation)
        )

    def _rebuild(self, snapshot: Snapshot) -> _View:
        store, last_id = FlatStore.build(self._key.dim, self._source.after(0))
        header = CacheHeader(
            fingerprint=self._key.fingerprint,
            dim=self._key.dim,
            generation=snapshot.generation,
            stamp=snapshot.stamp,
            count=store.count(),
            last_id=last_id,
        )
        try:
            os.makedirs(os.path.dirname(self._key.path), exist_ok=True)
            remove_stale(os.path.dirname(self._key.path))
            store.save(self._key.path, header)
        except OSError as error:
            # A read-only library still answers; it only has to build the cache each time.
            _log.warning("the cache %s could not be written: %s", self._key.path, error)
        else:
            # The mapped file's pages can be given back; the copy just built could not.
            mapped = FlatStore.load(self._key.path)
            store = mapped[0] if mapped and mapped[1] == header else store
        return _View(snapshot, store, ExactStore(self._key.dim), np.empty(0, np.int64), last_id)
