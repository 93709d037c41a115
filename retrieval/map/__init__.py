"""The map of a library: similar pictures lie side by side, and what lies together has a name.

    vectors → few dimensions (`projection`) → places (`layout`, `tsne`)
            → regions of several sizes (`regions`) → names from everyday words (`naming`)

The map is a cache (`cache_file`). When pictures come, they are placed among their nearest
neighbours, and nothing else moves; when a fifth is not as it was, all are arranged anew.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retrieval.context import Context
from retrieval.errors import LibraryError
from retrieval.map import cache_file
from retrieval.map.cache_file import Kept
from retrieval.map.layout import lay_out
from retrieval.map.naming import names_of
from retrieval.map.projection import Projection, principal, projected
from retrieval.map.records import Drawing, Layout, Map, Placed, Region
from retrieval.map.regions import described, levels_of
from retrieval.map.updating import Now, dated, extended, much_changed, trimmed
from retrieval.tagging.corpora import Corpus, encoded, read_corpus

__all__ = ["Drawing", "Layout", "LibraryMap", "Map", "Region"]


class LibraryMap:
    """The map of one library: `Library.map`."""

    def __init__(self, context: Context, path: str) -> None:
        """Keep the map at `path`."""
        self._context = context
        self._path = path
        self._spec = context.model.row.spec
        self._vectors = context.catalogue.vectors(context.model.row)

    def current(self) -> Map | None:
        """Return the map as it was drawn last, without pictures that left since; None if never.

        `Map.lacking` says how many pictures came since: `update` gives them their places.
        """
        kept = cache_file.read(self._path, self._spec.fingerprint)
        if kept is None:
            return None
        with self._context.catalogue.reading():
            if kept.snapshot == self._vectors.snapshot():
                return kept.map
            now = self._now()
        left = trimmed(kept, now).map
        return replace(left, lacking=len(now.ids) - len(left.ids))

    def update(self, *, rebuild: bool = False, corpus: Corpus | None = None) -> Map:
        """Return the map, drawn to the end if it is not up to date: see `iter_update`."""
        for _ in self.iter_update(rebuild=rebuild, corpus=corpus):
            pass
        drawn = self.current()
        assert drawn is not None
        return drawn

    def iter_update(
        self, *, rebuild: bool = False, corpus: Corpus | None = None
    ) -> Iterator[Drawing]:
        """Bring the map up to date; yields how far it is, and does nothing unless it is run.

        Places and names are found again if so much has changed that it is worth it, or with
        `rebuild`; the same pictures then get the same places. Regions are named after the texts of
        a corpus (`retrieval.tagging.corpora`), everyday things in English by default. Raises
        ModelError when the model is needed for names and cannot be loaded, LibraryError when the
        map cannot be written.
        """
        yield Drawing("reading", 0.0)
        kept = None if rebuild else cache_file.read(self._path, self._spec.fingerprint)
        with self._context.catalogue.reading():
            now = self._now()
            kept = None if kept is None else trimmed(kept, now)
            if kept is None or much_changed(kept, now):
                projection = principal(self._vectors, self._spec.dim)
                points, kept = projected(self._vectors, projection), None
            else:
                projection, points = kept.projection, np.empty((0, 0), np.float32)
                if len(now.ids) > len(kept.map.ids):
                    points = projected(self._vectors, projection)
        if kept is None:
            kept = yield from self._whole(now, points, projection, corpus or read_corpus())
        elif len(points):
            yield Drawing("comparing", 0.5)
            kept = extended(kept, now, points)
        self._keep(dated(kept, now))
        yield Drawing("naming", 1.0)

    def _whole(
        self, now: Now, points: NDArray[np.float32], projection: Projection, corpus: Corpus
    ) -> Generator[Drawing, None, Kept]:
        yield Drawing("comparing", 0.05)
        laying = lay_out(points)
        try:
            while True:
                yield Drawing("arranging", 0.15 + 0.75 * next(laying))
        except StopIteration as done:
            places, layout = done.value
        yield Drawing("naming", 0.92)
        levels = levels_of(points, places)
        names: list[list[str]] = []
        if levels:
            vectors = projection.turn(encoded(corpus, self._context.model.encoder()))
            names = names_of(levels, [told.text for told in corpus.texts], vectors)
        regions, region = described(levels, names, points, Placed(now.ids, places))
        drawn = Map(now.ids, places, region, regions, layout, now.snapshot.generation)
        everyone = np.ones(len(now.ids), np.bool_)
        return Kept(drawn, now.snapshot, now.contents, everyone, len(now.ids), projection)

    def _now(self) -> Now:
        return Now(self._vectors.snapshot(), *self._vectors.contents())

    def _keep(self, kept: Kept) -> None:
        with self._context.catalogue.reading():
            # Drawing takes a while: what was removed in the meantime shall not be written.
            kept = trimmed(kept, self._now())
        try:
            cache_file.write(self._path, kept, self._spec.fingerprint)
        except OSError as error:
            raise LibraryError(
                f"the map cannot be written to {self._path}: {error.strerror}",
                "make the library's folder writable",
            ) from error
