"""An open library: its catalogue, its current model and its vector indexes."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING

from retrieval.catalogue import TEXT, WHOLE, Catalogue, ModelRow
from retrieval.context import Context, LazyEncoder, ModelInUse
from retrieval.errors import LibraryError
from retrieval.folder.locking import writer_lock
from retrieval.stores import backends
from retrieval.whole_file import require_inside

if TYPE_CHECKING:
    from retrieval.stores import Ids
    from retrieval.stores.live_index import LiveIndex

_log = logging.getLogger(__name__)

_NAMED = 3  # pictures that a warning names
_MAKE = "To make it: pixtrieve index"


class Session:
    """What all operations on one open library share. Not thread-safe."""

    def __init__(self, path: str, catalogue: Catalogue, model: ModelInUse, device: str) -> None:
        """Use an open catalogue; `device` applies to encoders that are loaded later."""
        self.path = path
        self._catalogue = catalogue
        self._thread = threading.get_ident()
        self._closed = False
        self.device = device
        self.last_model = model  # as of the last read; any thread may read this attribute
        self._indexes: dict[str, LiveIndex] = {}

    @property
    def catalogue(self) -> Catalogue:
        """The open catalogue; LibraryError after `close`, and in any other thread."""
        if self._closed:
            raise LibraryError(f"the library {self.path} is closed", "open it again")
        if threading.get_ident() != self._thread:
            raise LibraryError(
                f"the library {self.path} was opened in another thread",
                "open it once more, with Library.open, in each thread that uses it",
            )
        return self._catalogue

    def close(self) -> None:
        """Close the catalogue; closing twice does no harm."""
        self._closed = True
        self._catalogue.close()

    @property
    def model(self) -> ModelInUse:
        """The library's current model, read again because another process may change it."""
        row = self.catalogue.model()
        if row is not None and row.id != self.last_model.row.id:
            self.use(ModelInUse(row, LazyEncoder(row.spec, self.device)))
        return self.last_model

    def use(self, model: ModelInUse) -> None:
        """Switch to another model."""
        self.last_model = model
        self._indexes = {}

    def context(self) -> Context:
        """Return what other packages need to work on this library with its current model."""
        model = self.model
        return Context(self.catalogue, model, self._index(WHOLE), self._index(TEXT), self.writer)

    def writer(self) -> AbstractContextManager[None]:
        """Return a context manager that holds the library's lock: see `locking.writer_lock`."""
        return writer_lock(self.path)

    def index_of(self, row: ModelRow, view: str = WHOLE, *, indexing: bool = False) -> LiveIndex:
        """Return an index of a model's vectors: those of pictures, or of the texts with them.

        While `indexing`, pictures without a vector are no reason for a warning.
        """
        from retrieval.stores.live_index import CacheKey, LiveIndex

        fingerprint, dim = row.spec.fingerprint, row.spec.dim
        key = CacheKey(self._cache_path(fingerprint, view), fingerprint, dim)
        factory = backends.store_factory(backends.DEFAULT)
        vectors = self.catalogue.vectors(row, view)
        may_lack = indexing or view != WHOLE or row.id != self.last_model.row.id

        def report(damaged: Ids, rebuilt: bool) -> None:
            if len(damaged):
                _warn_of_damaged(damaged.tolist(), vectors.names(damaged[:_NAMED].tolist()))
            elif rebuilt and not may_lack and (lacking := vectors.count_lacking()):
                _log.warning(
                    "Pictures without a vector, which no search finds: %d. %s", lacking, _MAKE
                )

        return LiveIndex(vectors, key, factory, report)

    def map_path(self, fingerprint: str) -> str:
        """Return the path of the cache file for the map of a model's vectors."""
        return os.path.join(self.path, "cache", f"{fingerprint[:16]}-map.npz")

    def drop_caches(self, fingerprint: str) -> None:
        """Delete the cache files of a model's vectors."""
        from retrieval.stores.cache_file import forget_check

        self._indexes = {}
        paths = [self._cache_path(fingerprint, view) for view in (WHOLE, TEXT)]
        for path in (*paths, self.map_path(fingerprint)):
            try:
                require_inside(self.path, os.path.dirname(path))
            except OSError as error:
                _log.warning("the caches of %s stay: %s", self.path, error.strerror)
                return
            forget_check(path)
            with suppress(FileNotFoundError):
                os.unlink(path)

    def _index(self, view: str) -> LiveIndex:
        if view not in self._indexes:
            self._indexes[view] = self.index_of(self.last_model.row, view)
        return self._indexes[view]

    def _cache_path(self, fingerprint: str, view: str) -> str:
        return cache_path(self.path, fingerprint, view)


def cache_path(folder: str, fingerprint: str, view: str) -> str:
    """Return the path of the cache of a model's vectors in a library's folder."""
    name = fingerprint[:16] if view == WHOLE else f"{fingerprint[:16]}-{view}"
    return os.path.join(folder, "cache", f"{name}.{backends.DEFAULT}")


def thumbnails_folder(folder: str) -> str:
    """Return the folder of the page's thumbnails in a library's folder."""
    return os.path.join(folder, "thumbnails")


def _warn_of_damaged(ids: Sequence[int], names: Sequence[str]) -> None:
    several = len(ids) > 1
    what = f"{len(ids)} vectors in the catalogue are" if several else "a vector in the catalogue is"
    of = (
        f", of {', '.join(names)}{' and others' if len(ids) > len(names) > 0 else ''}"
        if names
        else ""
    )
    _log.warning("%s damaged and in no answer%s. %s", what, of, _MAKE)
