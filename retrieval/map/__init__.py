"""The map of a library: similar pictures lie side by side, and regions of pictures have names.

    vectors → few dimensions (`projection`) → positions (`layout`, `tsne`)
            → regions of several sizes (`regions`) → names from everyday words (`naming`)

The map is a cache (`cache_file`). New pictures are placed among their nearest neighbours, and no
other picture moves. When a fifth of the pictures has changed, the whole map is computed again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retrieval.context import Context
from retrieval.errors import FREE_SPACE, LibraryError, is_full, reason_of
from retrieval.map import cache_file
from retrieval.map.cache_file import CachedMap
from retrieval.map.layout import lay_out
from retrieval.map.naming import Likely, names_of
from retrieval.map.projection import Projection, principal, projected
from retrieval.map.records import Layout, Map, MapProgress, PlacedPictures, Region
from retrieval.map.regions import build_regions, levels_of
from retrieval.map.updating import LibraryState, extended, needs_rebuild, stamped, trimmed
from retrieval.search.search import confidence_source
from retrieval.tagging.corpora import Corpus, encode_corpus, read_corpus
from retrieval.tagging.labels import calibrated_judge

_log = logging.getLogger(__name__)

__all__ = ["Layout", "LibraryMap", "Map", "MapProgress", "Region"]


class LibraryMap:
    """The map of one library: `Library.map`."""

    def __init__(self, context: Context, path: str) -> None:
        """Cache the map in the file `path`."""
        self._context = context
        self._path = path
        self._spec = context.model.row.spec
        self._vectors = context.catalogue.vectors(context.model.row)

    def current(self) -> Map | None:
        """Return the last computed map without pictures that were removed since; None if none.

        `Map.unplaced` counts the pictures added since: `update` gives them their positions.
        """
        cached = cache_file.read(self._path, self._spec.fingerprint)
        if cached is None:
            return None
        with self._context.catalogue.reading():
            if cached.snapshot == self._vectors.snapshot():
                return cached.map
            state = self._now()
        left = trimmed(cached, state).map
        return replace(left, unplaced=len(state.ids) - len(left.ids))

    def update(
        self,
        *,
        rebuild: bool = False,
        corpus: Corpus | None = None,
        on_progress: Callable[[MapProgress], None] | None = None,
    ) -> Map:
        """Return the map, after bringing it up to date: see `iter_update`.

        A map that cannot be stored is returned all the same, and a warning is logged.
        """
        steps = self._steps(rebuild=rebuild, corpus=corpus)
        try:
            while True:
                progress = next(steps)
                if on_progress is not None:
                    on_progress(progress)
        except StopIteration as done:
            drawn: CachedMap = done.value
        try:
            return self._write(drawn).map
        except LibraryError as error:
            _log.warning("%s, so the next one is computed from scratch", error.message)
            return drawn.map

    def iter_update(
        self, *, rebuild: bool = False, corpus: Corpus | None = None
    ) -> Iterator[MapProgress]:
        """Bring the stored map up to date; yields progress, and works as the iterator is consumed.

        Positions and names are computed again when enough has changed, or with `rebuild`; the same
        pictures then get the same positions. The names of regions come from the texts of a corpus
        (`retrieval.tagging.corpora`), by default everyday things in English. Raises ModelError
        when the model is needed for names and cannot be loaded, LibraryError when the map cannot
        be written.
        """
        self._write((yield from self._steps(rebuild=rebuild, corpus=corpus)))
        yield MapProgress("naming", 1.0)

    def _steps(
        self, *, rebuild: bool, corpus: Corpus | None
    ) -> Generator[MapProgress, None, CachedMap]:
        """Yield progress; return the new map, which is not written."""
        yield MapProgress("reading", 0.0)
        cached = None if rebuild else cache_file.read(self._path, self._spec.fingerprint)
        with self._context.catalogue.reading():
            state = self._now()
            cached = None if cached is None else trimmed(cached, state)
            if cached is None or needs_rebuild(cached, state):
                projection = principal(self._vectors, self._spec.dim)
                points, cached = projected(self._vectors, projection), None
            else:
                projection, points = cached.projection, np.empty((0, 0), np.float32)
                if len(state.ids) > len(cached.map.ids):
                    points = projected(self._vectors, projection)
        if cached is None:
            cached = yield from self._rebuild(state, points, projection, corpus or read_corpus())
        elif len(points):
            yield MapProgress("comparing", 0.5)
            cached = extended(cached, state, points)
        return stamped(cached, state)

    def _rebuild(
        self,
        state: LibraryState,
        points: NDArray[np.float32],
        projection: Projection,
        corpus: Corpus,
    ) -> Generator[MapProgress, None, CachedMap]:
        yield MapProgress("comparing", 0.05)
        steps = lay_out(points)
        try:
            while True:
                yield MapProgress("arranging", 0.15 + 0.75 * next(steps))
        except StopIteration as done:
            positions, layout = done.value
        yield MapProgress("naming", 0.92)
        levels = levels_of(points, positions)
        names: list[list[str]] = []
        if levels:
            vectors = projection.turn(encode_corpus(corpus, self._context.model.encoder()))
            texts = [entry.text for entry in corpus.texts]
            names = names_of(levels, texts, vectors, points, self._likely(texts, state))
        regions, region = build_regions(levels, names, points, PlacedPictures(state.ids, positions))
        drawn = Map(state.ids, positions, region, regions, layout, state.snapshot.generation)
        everything = np.ones(len(state.ids), np.bool_)
        return CachedMap(
            drawn, state.snapshot, state.contents, everything, len(state.ids), projection
        )

    def _likely(self, texts: list[str], state: LibraryState) -> Likely | None:
        """Return what says how likely pictures show texts; None without a calibration."""
        judge = calibrated_judge(texts, confidence_source(self._context))
        if judge is None:
            return None

        def likely(rows: NDArray[np.int64]) -> NDArray[np.float32]:
            found = np.zeros((len(rows), len(texts)), np.float32)
            wanted = state.ids[rows]
            with self._context.catalogue.reading():
                for ids, vectors in self._vectors.after(0):
                    known = np.isin(ids, wanted)
                    odds = judge.odds(vectors[known])
                    found[np.searchsorted(wanted, ids[known])] = 1 / (1 + np.exp(-odds))
            return found

        return likely

    def _now(self) -> LibraryState:
        damaged = self._context.images.damaged()
        return LibraryState(self._vectors.snapshot(), *self._vectors.contents(damaged))

    def _write(self, cached: CachedMap) -> CachedMap:
        """Write a map without pictures that were removed meanwhile; return what was written."""
        with self._context.catalogue.reading():
            cached = trimmed(cached, self._now())
        try:
            cache_file.write(self._path, cached, self._spec.fingerprint)
        except OSError as error:
            raise LibraryError(
                f"the map cannot be written to {self._path}: {reason_of(error)}",
                FREE_SPACE if is_full(error) else "make the library's folder writable",
            ) from error
        return cached
