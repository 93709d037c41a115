"""The base class of `Library`: opens, creates and closes a library, and reads what it holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, ImageRow, ModelStatus, ProblemRow, Root
from retrieval.context import LazyEncoder, ModelInUse
from retrieval.encoders import Encoder, open_encoder
from retrieval.errors import LibraryError
from retrieval.folder.opening import create_catalogue, has_catalogue, open_catalogue
from retrieval.folder.session import Session
from retrieval.query.spelling import absolute
from retrieval.specs import ModelSpec

if TYPE_CHECKING:
    from types import TracebackType

    from retrieval.catalogue.facets import Facet
    from retrieval.folder.doctor import Checkup
    from retrieval.folder.status import FolderStatus, Status
    from retrieval.folder.store import LibraryStore
    from retrieval.search.timeline import Timeline
    from retrieval.tagging.albums import Albums
    from retrieval.tagging.favourites import Favourites
    from retrieval.tagging.saved import SavedSearches

AnyPath = str | os.PathLike[str]


class OpenLibrary:
    """An open library: its status, models and pictures."""

    def __init__(self, path: str, catalogue: Catalogue, model: ModelInUse, device: str) -> None:
        """Use `create` or `open` instead."""
        self.path = path
        self._session = Session(path, catalogue, model, device)

    @classmethod
    def exists(cls, path: AnyPath) -> bool:
        """Return whether there is a library in the folder."""
        return has_catalogue(absolute(path))

    @classmethod
    def create(cls, path: AnyPath, model: str | Encoder, *, device: str = "auto") -> Self:
        """Create a library for a model: a reference like `local-dir:/models/x`, or an encoder.

        Loads the model first, so that a failure leaves no library behind. Raises LibraryError if
        the folder already has a library, ModelError if the model cannot be loaded.
        """
        folder = absolute(path)
        if has_catalogue(folder):  # check this before loading a model
            raise LibraryError(
                f"{folder} is a library already", "open it, or choose another folder"
            )
        encoder = open_encoder(model, device=device) if isinstance(model, str) else model
        catalogue, row = create_catalogue(folder, encoder.spec)
        return cls(folder, catalogue, ModelInUse(row, lambda: encoder), device)

    @classmethod
    def open(
        cls,
        path: AnyPath,
        model: str | Encoder | None = None,
        *,
        create: bool = False,
        device: str = "auto",
    ) -> Self:
        """Open a library; its model is loaded when it is first needed.

        `model` may give the new location of the library's model. With `create`, creates the library
        if there is none, with `model` or else the built-in model. Raises LibraryNotFound if there
        is no library, ModelMismatch if `model` is not the library's model.
        """
        folder = absolute(path)
        if create and not has_catalogue(folder):
            from retrieval.encoders.models.references import BUILT_IN

            return cls.create(folder, BUILT_IN if model is None else model, device=device)
        catalogue, row = open_catalogue(folder, model)
        loaded = None if isinstance(model, str) else model
        encoder = LazyEncoder(row.spec, device, loaded)
        return cls(folder, catalogue, ModelInUse(row, encoder), device)

    @staticmethod
    def check(path: AnyPath, *, repair: bool = False, files: bool = False) -> Checkup:
        """Examine the library in a folder, also one that does not open: see `folder.doctor`.

        With `repair`, mends what is safe to mend; nothing that exists only once is deleted.
        `files` also reads every picture and thumbnail. Raises LibraryNotFound if there is no
        library, LibraryBusy if another process is writing during a repair.
        """
        from retrieval.folder.doctor import check

        return check(absolute(path), repair=repair, files=files)

    @property
    def model(self) -> ModelSpec:
        """The model in use, which another process may have changed."""
        return self._session.model.row.spec

    def models(self) -> list[ModelStatus]:
        """Return the models whose vectors the library has."""
        return self._session.catalogue.models()

    def status(self) -> Status:
        """Return counts and other facts about the library."""
        from retrieval.folder.status import read_status

        return read_status(self.path, self._session.catalogue, self.model)

    def roots(self) -> tuple[Root, ...]:
        """Return the indexed folders, without their counts."""
        return tuple(self._session.catalogue.roots.all())

    def folders(self) -> tuple[FolderStatus, ...]:
        """Return the indexed folders with their counts and the time of the last look."""
        from retrieval.folder.status import read_folders

        return read_folders(self._session.catalogue)

    def facets(self, most: int = 2000) -> dict[str, tuple[Facet, ...]]:
        """Return, for each field, at most `most` values to filter by, with their counts.

        Dates are counted by month, newest first. Folders are sorted by name. All other values are
        sorted by frequency, highest first.
        """
        with self._session.catalogue.reading():
            return self._session.catalogue.facets.all(most)

    @property
    def timeline(self) -> Timeline:
        """All pictures in order, for galleries: see `retrieval.search.timeline`."""
        from retrieval.search.timeline import Timeline

        return Timeline(self._session.context())

    def problems(self) -> Iterator[ProblemRow]:
        """Yield the files that could not be used, with the reasons."""
        return self._session.catalogue.lookup.problems()

    def image(self, image_id: int) -> ImageRow | None:
        """Return the picture with this id (`Hit.id`); None if there is none."""
        return self._session.catalogue.lookup.by_id(image_id)

    def moments(self, image_id: int) -> tuple[float, ...]:
        """Return the seconds at which the moments of a video begin, rising; () for a picture."""
        from retrieval.search.moments import moments_of

        return moments_of(self._session.catalogue, self._session.model.row, image_id)

    def image_at(self, path: AnyPath) -> ImageRow | None:
        """Return the picture of a file as indexed, or None; does not open the file."""
        image_id = self._session.catalogue.spellings().image_at(absolute(path))
        return None if image_id is None else self.image(image_id)

    def images(self) -> Iterator[tuple[ImageRow, bytes]]:
        """Yield every picture with its stored vector; `retrieval.vectors` documents the format."""
        row = self._session.model.row
        return self._session.catalogue.lookup.images(row.id, row.spec.dim)

    @contextmanager
    def stored_vectors(self) -> Iterator[Callable[[bytes], NDArray[np.float32] | None]]:
        """Yield a thread-safe function that maps a content's sha256 to its vector or None."""
        known = self._session.catalogue.known_contents(self._session.model.row)
        try:
            yield known.vector
        finally:
            known.close()

    def verify_cache(self) -> None:
        """Check the whole vector cache against its checksums; rebuild it if it is damaged."""
        context = self._session.context()
        context.images.verify()
        context.texts.verify()
        context.parts.verify()

    @property
    def albums(self) -> Albums:
        """Albums: pictures that a person collects: see `retrieval.tagging.albums`."""
        from retrieval.tagging.albums import Albums

        return Albums(self._session.context())

    @property
    def favourites(self) -> Favourites:
        """Pictures that a person has marked: see `retrieval.tagging.favourites`."""
        from retrieval.tagging.favourites import Favourites

        return Favourites(self._session.context())

    @property
    def saved(self) -> SavedSearches:
        """Searches that are kept under a name: see `retrieval.tagging.saved`."""
        from retrieval.tagging.saved import SavedSearches

        return SavedSearches(self._session.context())

    def encoder(self) -> Encoder:
        """Return the loaded model, in any thread; ModelMismatch if its checkpoint changed."""
        return self._session.last_model.encoder()

    @property
    def store(self) -> LibraryStore:
        """Where vectors are searched, in files or on a server: see `retrieval.folder.store`."""
        from retrieval.folder.store import LibraryStore

        return LibraryStore(self._session)

    def close(self) -> None:
        """Close the catalogue."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
