"""What goes out of a library and comes in: backups, other paths, edits, embeddings."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from retrieval.library.base import AnyPath, OpenLibrary
from retrieval.query.spelling import absolute

if TYPE_CHECKING:
    from retrieval.folder.backup import Backup, Restored
    from retrieval.folder.edits import Edits
    from retrieval.folder.relocating import Relocated
    from retrieval.indexing.progress import Progress


class ExchangingLibrary(OpenLibrary):
    """A library that can be backed up and restored, and that gives and takes what it holds."""

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
        any_address: bool = False,
        stop: threading.Event | None = None,
    ) -> Iterator[Progress]:
        """Add pictures that were encoded before, from a folder of `pixtrieve encode`.

        Or from one in clip-retrieval's layout, whose vectors must be of this library's model;
        `pictures` are then sources (see `images.sources.naming`) that have its pictures, and with
        `any_address` its rows may name pictures on servers of this machine, in private networks and
        in any storage. Lazy, as `iter_index` is. Raises SourceError if the folder holds neither, or
        cannot be read, ModelMismatch if the vectors are another model's, LibraryBusy if another
        process is writing.
        """
        from retrieval.indexing.runs import import_shards
        from retrieval.indexing.shards.data_sets import open_data_set

        session = self._session
        data_set = open_data_set(absolute(folder), session.model, pictures, any_address=any_address)
        return import_shards(session, data_set, stop or threading.Event())
