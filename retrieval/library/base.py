"""The base class of `Library`: opens, creates and closes a library, and reads what it holds."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, ImageRow, ModelStatus, ProblemRow
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
    from retrieval.folder.backup import Backup, Restored
    from retrieval.folder.doctor import Checkup
    from retrieval.folder.edits import Edits
    from retrieval.folder.relocating import Relocated
    from retrieval.folder.status import Status
    from retrieval.folder.store import LibraryStore
    from retrieval.indexing.progress import Progress
    from retrieval.search.timeline import Timeline
    from retrieval.tagging.albums import Albums, Favourites
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

    def image_at(self, path: AnyPath) -> ImageRow | None:
        """Return the picture of a file as indexed, or None; does not open the file."""
        catalogue = self._session.catalogue
        spellings = catalogue.spellings().of(absolute(path))
        image_id = catalogue.sidecars.image_of(catalogue.roots.all(), spellings)
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

    def backup(self, file: AnyPath, *, replace: bool = False) -> Backup:
        """Write a backup to a file, and check it; others may write meanwhile.

        Raises LibraryError when the file exists (unless `replace` is set) or cannot be written,
        and when the catalogue is damaged. See `retrieval.folder.backup`.
        """
        from retrieval.folder.backup import write_backup

        return write_backup(self.path, absolute(file), replace=replace)

    @staticmethod
    def restore(file: AnyPath, path: AnyPath, *, replace: bool = False) -> Restored:
        """Put the library of a backup into the folder `path`; does not open it.

        With `replace`, a library that is there is kept in the folder, and the result says where.
        Raises LibraryError, and changes nothing, for a damaged file, and without `replace` when
        there is a library; LibraryTooNew for a backup of a newer Pixtrieve.
        """
        from retrieval.folder.backup import restore_backup

        return restore_backup(absolute(file), absolute(path), replace=replace)

    def relocate(self, old: AnyPath, new: AnyPath, *, dry_run: bool = False) -> Relocated:
        """Change the paths at and below the folder `old` to ones below `new`; read no picture.

        Raises LibraryError if the library has nothing there, or if files of two indexed folders
        would get the same place. `dry_run` changes nothing. See `retrieval.folder.relocating`.
        """
        from retrieval.folder.relocating import relocate

        session = self._session
        before, after = os.fspath(old), os.fspath(new)
        return relocate(session.catalogue, session.writer(), before, after, dry_run=dry_run)

    def export_edits(self, file: AnyPath, *, replace: bool = False) -> Edits:
        """Write what people made (captions, concepts, albums and more) to a JSON file.

        Raises LibraryError when the file exists, unless `replace` is set. See
        `retrieval.folder.edits`.
        """
        from retrieval.folder.edits import export_edits

        return export_edits(self._session.catalogue, absolute(file), replace=replace)

    def import_edits(self, file: AnyPath) -> Edits:
        """Add what `export_edits` wrote, also from an index of the same pictures elsewhere.

        A search finds words of captions at once, their meaning after `texts.encode`. Raises
        LibraryError for a file that is none.
        """
        from retrieval.folder.edits_import import import_edits

        return import_edits(self._session.catalogue, self._session.writer(), absolute(file))

    @property
    def albums(self) -> Albums:
        """Albums: pictures that a person collects: see `retrieval.tagging.albums`."""
        from retrieval.tagging.albums import Albums

        return Albums(self._session.context())

    @property
    def favourites(self) -> Favourites:
        """Pictures that a person has marked: see `retrieval.tagging.albums`."""
        from retrieval.tagging.albums import Favourites

        return Favourites(self._session.context())

    @property
    def saved(self) -> SavedSearches:
        """Searches that are kept under a name: see `retrieval.tagging.saved`."""
        from retrieval.tagging.saved import SavedSearches

        return SavedSearches(self._session.context())

    def export_layout(self, folder: AnyPath) -> int:
        """Write vectors and metadata in clip-retrieval's layout; return the number of files.

        Raises MissingExtra without pyarrow, LibraryError if the folder is not empty, OSError if it
        cannot be written. See `retrieval.catalogue.export_layout`.
        """
        from retrieval.catalogue.export_layout import export_layout

        session = self._session
        with session.catalogue.reading():
            return export_layout(session.catalogue, session.model.row, absolute(folder))

    def iter_import(
        self,
        folder: AnyPath,
        *,
        pictures: Sequence[str] = (),
        stop: threading.Event | None = None,
    ) -> Iterator[Progress]:
        """Add pictures that were encoded before, from a folder of `pixtrieve encode`.

        Or from one in clip-retrieval's layout, whose vectors must be of this library's model;
        `pictures` are then sources (see `images.sources.naming`) that have its pictures. Lazy, as
        `iter_index` is. Raises SourceError if the folder holds neither, or cannot be read,
        ModelMismatch if the vectors are another model's, LibraryBusy if another process is
        writing.
        """
        from retrieval.indexing.runs import import_shards
        from retrieval.indexing.shards.data_sets import open_data_set

        session = self._session
        data_set = open_data_set(absolute(folder), session.model, pictures)
        return import_shards(session, data_set, stop or threading.Event())

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
