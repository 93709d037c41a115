"""Examines a library, and mends what is safe to mend: `Library.check`, `pixtrieve doctor`.

    surroundings   permissions, disk space, files that killed runs left
    catalogue      the SQLite file, its tables, rows and settings; salvaging
    content        vectors, caches, files on disk; the library must open for these
    models         the model, its export, and the small caches beside it

Each of them yields `Finding`s. Without `repair` nothing is changed. With it, each finding that has
a repair is mended, and the library is examined again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from retrieval.errors import LibraryError, LibraryNotFound, PixtrieveError
from retrieval.folder.doctor import catalogue, content, models, surroundings
from retrieval.folder.doctor.findings import Checkup, Finding
from retrieval.folder.locking import writer_lock
from retrieval.folder.opening import CATALOGUE, open_catalogue

__all__ = ["Checkup", "Finding", "check"]


def check(folder: str, *, repair: bool = False, files: bool = False) -> Checkup:
    """Examine the library in a folder; with `repair`, mend what is safe to mend.

    `files` also reads thumbnails, and every picture, which is compared with its SHA-256. Raises
    LibraryNotFound when the folder holds no catalogue; with `repair`, LibraryBusy when another
    process is writing.
    """
    path = os.path.join(folder, CATALOGUE)
    if not os.path.lexists(path):
        raise LibraryNotFound(
            f"there is no library in {folder}", "create one: pixtrieve index FOLDER-OF-PICTURES"
        )
    if not repair:
        return Checkup(tuple(_examine(folder, files=files)))
    done: list[Finding] = []
    with writer_lock(folder):
        # A repair of the catalogue can reveal what could not be seen before.
        for _ in range(4):
            found = [each for each in _examine(folder, files=files, locked=True) if each.mend]
            new = [each for each in found if each.code not in {old.code for old in done}]
            if not new:
                break
            done += [finding.mended() for finding in (new[:1] if new[0].alone else new)]
        left = tuple(_examine(folder, files=files, locked=True))
    return Checkup(left, tuple(done))


def _examine(folder: str, *, files: bool, locked: bool = False) -> Iterator[Finding]:
    yield from surroundings.examine(folder, locked=locked)
    found = list(catalogue.examine(folder))
    yield from found
    if any(each.alone for each in found):
        return
    try:
        opened, row = open_catalogue(folder, None)
    except PixtrieveError as error:
        if not found:
            yield Finding("catalogue.unusable", "error", error.message, hint=error.hint)
        return
    try:
        yield from content.examine(folder, opened, row, files=files)
        yield from models.examine(row.spec)
    except LibraryError as error:
        if not found:
            yield Finding("catalogue.unusable", "error", error.message, hint=error.hint)
    finally:
        opened.close()
