"""An open library: its catalogue, its current model and its vector indexes."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING

from retrieval.catalogue import PARTS, TEXT, VIEWS, WHOLE, Catalogue, ModelRow
from retrieval.context import Context, LazyEncoder, ModelInUse
from retrieval.errors import LibraryError
from retrieval.folder.locking import writer_lock
from retrieval.folder.server import Server
from retrieval.stores import backends
from retrieval.whole_file import require_inside

if TYPE_CHECKING:
    from retrieval.catalogue.served import StoreChoice
    from retrieval.stores import Ids, VectorIndex

_log = logging.getLogger(__name__)

_SEARCHED = "searched"
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
        self._indexes: dict[str, VectorIndex] = {}
        self._server = Server(path, catalogue)
        self._choice: StoreChoice | None = None
        self._kind = ""  # of the index of pictures in `_indexes`

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
        self._server.close()
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
        kind = self.index_kind
        if kind != self._kind:  # another process changed it
            self._kind, self._indexes = kind, {}
        return Context(
            self.catalogue,
            model,
            images=self._index(WHOLE),
            texts=self._index(TEXT),
            parts=self._index(PARTS),
            searched=self._searched(),
            writer=self.writer,
        )

    @property
    def index_kind(self) -> str:
        """The kind of index that pictures are searched with: a key of `backends.INDEXES`."""
        return index_kind(self.catalogue)

    def writer(self) -> AbstractContextManager[None]:
        """Return a context manager that holds the library's lock: see `locking.writer_lock`."""
        return writer_lock(self.path)

    @property
    def server(self) -> Server:
        """The vector server of the library, as far as it uses one."""
        return self._server

    def index_of(
        self, row: ModelRow, view: str = WHOLE, *, kind: str | None = None, indexing: bool = False
    ) -> VectorIndex:
        """Return an index of a model's vectors: those of pictures, or of the texts with them.

        `kind`, a key of `backends.INDEXES`, is the library's own if it is None. While `indexing`,
        pictures without a vector are no reason for a warning.
        """
        fingerprint, dim = row.spec.fingerprint, row.spec.dim
        vectors = self.catalogue.vectors(row, view)
        may_lack = indexing or view != WHOLE or row.id != self.last_model.row.id

        def report(damaged: Ids, rebuilt: bool) -> None:
            if len(damaged):
                _warn_of_damaged(damaged.tolist(), vectors.names(damaged[:_NAMED].tolist()))
            elif rebuilt and not may_lack and (lacking := vectors.count_lacking()):
                _log.warning(
                    "Pictures without a vector, which no search finds: %d. %s", lacking, _MAKE
                )

        # Parts are few: a server would make their answers slower.
        if self._server.place() is not None and view != PARTS:
            writer = nullcontext if indexing else self.writer  # an indexing run holds the lock
            return self._server.index(row, view, writer, report)
        from retrieval.stores.cache_file import CacheKey
        from retrieval.stores.live_index import LiveIndex

        kind = kind or self.index_kind
        key = CacheKey(cache_path(self.path, fingerprint, view, kind), fingerprint, dim)
        factory = backends.LaterFactory(backend_of(view, kind))
        return LiveIndex(vectors, key, factory, report)

    def map_path(self, fingerprint: str) -> str:
        """Return the path of the cache file for the map of a model's vectors."""
        return os.path.join(self.path, "cache", f"{fingerprint[:16]}-map.npz")

    def drop_caches(self, fingerprint: str) -> None:
        """Delete the cache files of a model's vectors, and what a server has of those deleted."""
        self._indexes = {}
        self._server.drop_gone(fingerprint)
        paths = {
            cache_path(self.path, fingerprint, view, kind)
            for view in VIEWS
            for kind in backends.INDEXES
        }
        for path in (*paths, self.map_path(fingerprint)):
            if not self.drop_file(path):
                return

    def drop_file(self, path: str) -> bool:
        """Delete a cache file and what is known of it; return whether the folder is our own."""
        from retrieval.stores.cache_file import forget_check
        from retrieval.stores.tuning import TUNED

        try:
            require_inside(self.path, os.path.dirname(path))
        except OSError as error:
            _log.warning("the caches of %s stay: %s", self.path, error.strerror)
            return False
        forget_check(path)
        for each in (path + TUNED, path):
            with suppress(FileNotFoundError):
                os.unlink(each)
        return True

    def _searched(self) -> VectorIndex:
        """Return the index of pictures, with their parts if there are any."""
        parts = self.catalogue.vectors(self.last_model.row, PARTS)
        if not parts.exist():
            return self._index(WHOLE)
        if _SEARCHED not in self._indexes:
            from retrieval.stores.parted import PartedIndex

            self._indexes[_SEARCHED] = PartedIndex(self._index(WHOLE), self._index(PARTS), parts)
        return self._indexes[_SEARCHED]

    def _index(self, view: str) -> VectorIndex:
        choice = self._server.choice()
        if choice != self._choice:
            self._choice, self._indexes = choice, {}
        if view not in self._indexes:
            self._indexes[view] = self.index_of(self.last_model.row, view)
        return self._indexes[view]


def index_kind(catalogue: Catalogue) -> str:
    """Return the kind of index that a library's pictures are searched with."""
    kind = catalogue.setting("index_kind", "exact")
    return kind if kind in backends.INDEXES else "exact"


def backend_of(view: str, kind: str) -> str:
    """Return the back end for the vectors of a view; those of texts are always searched exactly."""
    approximate = view == WHOLE and kind == backends.APPROXIMATE
    return backends.APPROXIMATE if approximate else backends.DEFAULT


def cache_path(folder: str, fingerprint: str, view: str, kind: str) -> str:
    """Return the path of the cache of a model's vectors in a library's folder."""
    name = fingerprint[:16] if view == WHOLE else f"{fingerprint[:16]}-{view}"
    return os.path.join(folder, "cache", f"{name}.{backend_of(view, kind)}")


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
