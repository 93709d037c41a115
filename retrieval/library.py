"""A library: one folder that holds the index of some pictures, wherever those are.

folder/
  catalogue.sqlite   the truth: files, pictures, vectors
  cache/*.faiss      made from it, may be deleted at any time
  writer.lock        held by whoever writes
"""

from __future__ import annotations

import glob
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, Counts, ImageRow, ModelRow, ProblemRow, Root
from retrieval.encoders import Encoder, identify, open_encoder
from retrieval.errors import LibraryError, LibraryNotFound, ModelMismatch
from retrieval.locking import writer_lock
from retrieval.progress import IndexOptions, Progress
from retrieval.scopes import is_below, plan_scopes, relative, root_of
from retrieval.specs import ModelSpec

if TYPE_CHECKING:
    from types import TracebackType

    from retrieval.indexing import ModelInUse
    from retrieval.nearest import NearestVectors
    from retrieval.questions import Query
    from retrieval.search import SearchResult

_CATALOGUE = "catalogue.sqlite"


@dataclass(frozen=True, slots=True)
class Status:
    """What a library holds."""

    path: str
    model: ModelSpec
    counts: Counts
    roots: tuple[Root, ...]
    disk_bytes: int


class Library:
    """An index on disk. Use it from one thread; other processes may read while one writes.

    >>> with Library.open("index_data") as library:  # doctest: +SKIP
    ...     for hit in library.search("two dogs on a beach").hits:
    ...         print(hit.score, hit.path)
    """

    def __init__(self, path: str, catalogue: Catalogue, model: ModelRow, encoder: _Lazy) -> None:
        """Use `create` or `open`."""
        self.path = path
        self._catalogue = catalogue
        self._model = model
        self._encoder = encoder
        self._nearest_vectors: NearestVectors | None = None

    @classmethod
    def exists(cls, path: str | os.PathLike[str]) -> bool:
        """Tell whether there is a library in the folder."""
        return os.path.isfile(os.path.join(os.fspath(path), _CATALOGUE))

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], model: str | Encoder, *, device: str = "auto"
    ) -> Library:
        """Make a library for a model: a reference such as `local-dir:/models/x`, or an encoder.

        The model is loaded first, so that nothing is made when it cannot be. Raises LibraryError
        when there is a library already, ModelError when the model cannot be loaded.
        """
        folder = os.path.abspath(os.fspath(path))
        if cls.exists(folder):
            raise LibraryError(f"{folder} is a library already", "open it, or name another folder")
        encoder = open_encoder(model, device=device) if isinstance(model, str) else model
        os.makedirs(folder, exist_ok=True)
        with writer_lock(folder):
            catalogue = Catalogue(os.path.join(folder, _CATALOGUE), create=True)
            with catalogue.writing():
                model_id = catalogue.contents.register_model(encoder.spec)
                catalogue.use_model(model_id)
        row = ModelRow(model_id, encoder.spec)
        return cls(folder, catalogue, row, _Lazy(encoder.spec, device, encoder))

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        model: str | Encoder | None = None,
        *,
        device: str = "auto",
    ) -> Library:
        """Open a library; its model is loaded when first needed.

        `model` may say where the library's model lies now, when it has moved. Raises
        LibraryNotFound when there is none, ModelMismatch when `model` is another one.
        """
        folder = os.path.abspath(os.fspath(path))
        if not cls.exists(folder):
            raise LibraryNotFound(
                f"there is no library in {folder}",
                "make one with: pixtrieve index FOLDER-OF-PICTURES",
            )
        catalogue = Catalogue(os.path.join(folder, _CATALOGUE))
        row = catalogue.model()
        if row is None:
            raise LibraryNotFound(
                f"the library in {folder} was never finished", "delete the folder and index again"
            )
        if isinstance(model, str):
            identity = identify(model)
            _require_same(row.spec, identity.reference, identity.fingerprint)
            if identity.reference != row.spec.name:
                row = _rename(folder, catalogue, row, identity.reference)
        elif model is not None:
            _require_same(row.spec, model.spec.name, model.spec.fingerprint)
        loaded = None if isinstance(model, str) else model
        return cls(folder, catalogue, row, _Lazy(row.spec, device, loaded))

    @property
    def model(self) -> ModelSpec:
        """The model that the library was indexed with."""
        return self._model.spec

    def index(
        self,
        paths: Sequence[str | os.PathLike[str]] = (),
        *,
        options: IndexOptions | None = None,
        exclude: Sequence[str] | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Progress]:
        """Bring the library up to date with folders and files, or with all that it knows.

        Yields progress; nothing happens unless the iterator is run. `exclude` are globs, matched
        with paths relative to the folder named and with single names; they are remembered and
        replace earlier ones, None keeps those. Setting `stop` ends the run after the batch in
        flight. Raises LibraryBusy when another process is writing, LibraryError for a path that
        does not exist, ModelError when a new picture needs a model that cannot be loaded.
        """
        from retrieval.indexing import Indexer

        with writer_lock(self.path):
            scopes = plan_scopes(self._catalogue, [os.fspath(path) for path in paths])
            if exclude is not None:
                with self._catalogue.writing():
                    for scope in scopes:
                        self._catalogue.roots.include(scope.root, "user")
                        self._catalogue.roots.exclude(scope.root, exclude, "user")
            indexer = Indexer(
                self._catalogue,
                self._model_in_use(),
                options or IndexOptions(),
                stop=stop or threading.Event(),
                refresh=self._refresh,
            )
            yield from indexer.run(scopes)

    def add(
        self,
        *paths: str | os.PathLike[str],
        options: IndexOptions | None = None,
        exclude: Sequence[str] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Progress:
        """Index paths to the end and return the last progress record: see `index`."""
        last: Progress | None = None
        for progress in self.index(paths, options=options, exclude=exclude):
            last = progress
            if on_progress is not None:
                on_progress(progress)
        assert last is not None
        return last

    def search(self, query: Query, k: int = 10, *, include_self: bool = False) -> SearchResult:
        """Return the k pictures nearest to a text, a picture or an embedding, best first.

        A `str` is text; a `Path`, `bytes`, Pillow image or (H, W, 3) uint8 array is a picture; a
        (dim,) float array is an embedding. Searching by a picture that is in the library leaves
        that picture (and its exact copies) out, unless `include_self`. Raises QueryError or
        PictureError for a question that cannot be asked, ModelError when the model is needed and
        cannot be loaded.
        """
        from retrieval.questions import understand
        from retrieval.search import search

        question = understand(query, self._catalogue, self._model_in_use())
        own = set() if include_self or question.image_id is None else {question.image_id}
        return search(self._catalogue, self._nearest(), question.vector, k, own)

    def remove(self, path: str | os.PathLike[str]) -> int:
        """Take a file or folder out of the library (not off the disk); return how many files.

        What lies below an indexed folder stays out when that folder is indexed again, until it
        is named itself. Vectors are deleted at once. LibraryError when nothing is known there.
        """
        target = os.path.abspath(os.fspath(path))
        removed = 0
        with writer_lock(self.path), self._catalogue.writing():
            roots = self._catalogue.roots
            for root in roots.all():
                if root.path == target or is_below(root.path, target):
                    removed += self._catalogue.contents.forget_files(root, "")
                    roots.delete(root)
            root_above = root_of(roots.all(), target)
            if root_above is not None:
                below = relative(root_above, target)
                gone = self._catalogue.contents.forget_files(root_above, below)
                removed += gone
                if gone and root_above.whole:
                    roots.exclude(root_above, [glob.escape(below)], "remove")
            if not removed:
                raise LibraryError(
                    f"nothing at or below {target} is in the library",
                    "see what is with: pixtrieve status",
                )
            self._catalogue.contents.expire_orphans(older_than_days=0)
        return removed

    def status(self) -> Status:
        """Return what the library holds."""
        with self._catalogue.reading():
            return Status(
                path=self.path,
                model=self._model.spec,
                counts=self._catalogue.lookup.counts(),
                roots=tuple(self._catalogue.roots.all()),
                disk_bytes=_size_of(self.path),
            )

    def problems(self) -> Iterator[ProblemRow]:
        """Yield the files that could not be used, and why."""
        return self._catalogue.lookup.problems()

    def images(self) -> Iterator[tuple[ImageRow, bytes]]:
        """Yield every picture with its stored vector: see `retrieval.vectors` for the format."""
        return self._catalogue.lookup.images(self._model.id)

    @contextmanager
    def stored_vectors(self) -> Iterator[Callable[[bytes], NDArray[np.float32] | None]]:
        """Give a function, safe in any thread, from a content's sha256 to its vector or None."""
        known = self._catalogue.known_contents(self._model)
        try:
            yield known.vector
        finally:
            known.close()

    def encoder(self) -> Encoder:
        """Return the model, loaded; ModelMismatch when its checkpoint has changed since."""
        return self._encoder()

    def close(self) -> None:
        """Close the catalogue."""
        self._catalogue.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _model_in_use(self) -> ModelInUse:
        from retrieval.indexing import ModelInUse

        return ModelInUse(self._model, self._encoder)

    def _nearest(self) -> NearestVectors:
        if self._nearest_vectors is None:
            from retrieval.nearest import CacheKey, NearestVectors

            spec = self._model.spec
            path = os.path.join(self.path, "cache", f"{spec.fingerprint[:16]}.faiss")
            self._nearest_vectors = NearestVectors(
                self._catalogue.vectors(self._model), CacheKey(path, spec.fingerprint, spec.dim)
            )
        return self._nearest_vectors

    def _refresh(self) -> None:
        with self._catalogue.reading():
            written = self._nearest().refresh()
        if written:
            self._catalogue.contents.prune_removed()


class _Lazy:
    """The library's encoder, loaded when first called and checked against the fingerprint."""

    def __init__(self, spec: ModelSpec, device: str, encoder: Encoder | None) -> None:
        self._spec = spec
        self._device = device
        self._encoder = encoder

    def __call__(self) -> Encoder:
        if self._encoder is None:
            identity = identify(self._spec.name)
            _require_same(self._spec, identity.reference, identity.fingerprint)
            self._encoder = open_encoder(self._spec.name, device=self._device)
        return self._encoder


def _rename(folder: str, catalogue: Catalogue, row: ModelRow, name: str) -> ModelRow:
    """Remember where the same model lies now."""
    spec = replace(row.spec, name=name)
    with writer_lock(folder), catalogue.writing():
        catalogue.contents.register_model(spec)
    return ModelRow(row.id, spec)


def _require_same(spec: ModelSpec, name: str, fingerprint: str) -> None:
    if fingerprint == spec.fingerprint:
        return
    if name == spec.name:
        raise ModelMismatch(
            f"the model {name} has changed since the library was indexed with it "
            f"(fingerprint {fingerprint[:12]}, then {spec.fingerprint[:12]})",
            "put the old checkpoint back, or index into a new library with --library DIR",
        )
    raise ModelMismatch(
        f"the library was indexed with {spec.name}, and {name} is another model",
        "leave --model out, or index into another library with --library DIR",
    )


def _size_of(folder: str) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except FileNotFoundError:  # a temporary file, renamed meanwhile
                continue
    return total
