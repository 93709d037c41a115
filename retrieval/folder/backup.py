"""Backups of a library: one file that holds the catalogue and the logs of moved duplicates.

A backup is made while others search or index. It is read back and checked before it gets its name.
Restoring checks the file again, and keeps the library that it replaces.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from retrieval.catalogue import Catalogue
from retrieval.catalogue.copying import CatalogueFacts, check_catalogue, copy_catalogue
from retrieval.errors import LibraryError, LibraryNotFound
from retrieval.folder.archive import (
    CATALOGUE,
    MOVES,
    Archive,
    is_member,
    open_archive,
    write_archive,
)
from retrieval.folder.locking import writer_lock
from retrieval.folder.opening import has_catalogue
from retrieval.whole_file import sync_folder

_STALE_S = 3600


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was written and read back, or read.

    `counts` are those of the catalogue, by name ("pictures", "files", "captions", …); `program` is
    the version of Pixtrieve that wrote it, `created` the time in UTC.
    """

    path: str
    bytes: int
    created: str
    program: str
    schema: int
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Restored:
    """A library that was restored; `kept` holds the one that was there before, "" if none was."""

    library: str
    backup: Backup
    kept: str


def write_backup(folder: str, target: str, *, replace: bool = False) -> Backup:
    """Write a backup of the library in a folder to a file. Both are absolute paths.

    The file appears when it is complete, and has been read back and checked. Raises LibraryError:
    when it exists, unless `replace` is set; when it cannot be written; when the catalogue is
    damaged.
    """
    if not has_catalogue(folder):
        raise LibraryNotFound(
            f"there is no library in {folder}",
            "create one: pixtrieve index FOLDER-OF-PICTURES",
        )
    target = os.path.realpath(target)
    own = os.path.join(folder, CATALOGUE)
    if os.path.isdir(target) or (os.path.exists(target) and os.path.samefile(target, own)):
        raise LibraryError(f"{target} cannot be the file of a backup", "name a new file")
    if os.path.exists(target) and not replace:
        raise LibraryError(f"{target} exists", "name another file, or replace this one: --force")
    try:
        with _workspace(os.path.dirname(target), os.path.basename(target)) as space:
            snapshot, unfinished = os.path.join(space, CATALOGUE), os.path.join(space, "archive")
            copy_catalogue(own, snapshot)
            facts = check_catalogue(snapshot, own)
            files = {CATALOGUE: snapshot, **_logs(folder)}
            write_archive(unfinished, files, _manifest_of(folder, facts))
            os.unlink(snapshot)
            read_back = _read(unfinished, space)
            os.replace(unfinished, target)
            sync_folder(os.path.dirname(target))
    except OSError as error:
        raise LibraryError(
            f"the backup {target} cannot be written: {error.strerror or error}",
            "check the folder, its permissions and the free disk space; nothing was changed",
        ) from error
    return _described(target, read_back)


def read_backup(path: str) -> Backup:
    """Check the file of a backup completely, and return what it holds; LibraryError if damaged."""
    with tempfile.TemporaryDirectory(prefix="pixtrieve-") as space:
        return _described(path, _read(path, space))


def restore_backup(path: str, folder: str, *, replace: bool = False) -> Restored:
    """Put the library of a backup into a folder. Both are absolute paths.

    A library that is there is kept beside, if `replace` is set: as a backup, or as it is if it is
    damaged. Programs that have it open go on with the restored one. Raises LibraryError, and
    changes nothing, when the file is damaged, or when there is a library and `replace` is not set;
    LibraryTooNew for a backup of a newer Pixtrieve; LibraryBusy when another process is writing.
    """
    if has_catalogue(folder) and not replace:
        raise LibraryError(
            f"{folder} has a library already",
            "restore into another folder with --library DIR, or into this one with --force, "
            "which keeps the library that is there beside the restored one",
        )
    try:
        with open_archive(path) as archive:
            os.makedirs(folder, exist_ok=True)
            with writer_lock(folder), _workspace(folder, "restore") as space:
                new = os.path.join(space, CATALOGUE)
                facts = _taken_out(archive, new)
                Catalogue(new).close()  # brings an older schema up to date
                kept = _put_in_place(new, folder)
                _put_logs(archive, folder)
    except OSError as error:
        raise LibraryError(
            f"the library folder {folder} cannot be written: {error.strerror or error}",
            "check its permissions and the free disk space, or choose another with --library",
        ) from error
    return Restored(folder, _described(path, (archive.facts, facts)), kept)


def _read(path: str, space: str) -> tuple[dict[str, Any], CatalogueFacts]:
    """Read a whole archive back, through a temporary copy of its catalogue."""
    with open_archive(path) as archive:
        copy = os.path.join(space, "read-back")
        facts = _taken_out(archive, copy)
        for name in archive.members.keys() - {CATALOGUE}:
            archive.extract(name, copy)
        os.unlink(copy)
        return archive.facts, facts


def _taken_out(archive: Archive, target: str) -> CatalogueFacts:
    archive.extract(CATALOGUE, target)
    return check_catalogue(target, archive.path)


def _described(path: str, read: tuple[dict[str, Any], CatalogueFacts]) -> Backup:
    told, facts = read
    return Backup(
        path=path,
        bytes=os.path.getsize(path),
        created=str(told.get("created", "")),
        program=str(told.get("program", "")),
        schema=facts.schema,
        counts=facts.counts,
    )


def _manifest_of(folder: str, facts: CatalogueFacts) -> dict[str, Any]:
    from retrieval.catalogue.schema import program

    return {
        "program": program(),
        "schema": facts.schema,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "library": os.fsencode(folder).decode("utf-8", "replace"),
        "counts": facts.counts,
    }


def _put_in_place(new: str, folder: str) -> str:
    """Replace the catalogue of a folder; return what keeps the old one, "" if there was none."""
    own = os.path.join(folder, CATALOGUE)
    if has_catalogue(folder):
        kept = os.path.join(folder, time.strftime("before-restore-%Y-%m-%dT%H-%M-%S"))
        try:
            write_backup(folder, f"{kept}.zip", replace=True)
        except LibraryError:  # damaged, which may be why it is replaced
            os.mkdir(kept)
            for name in (f"{CATALOGUE}-wal", f"{CATALOGUE}-shm", CATALOGUE):
                if os.path.exists(os.path.join(folder, name)):
                    os.replace(os.path.join(folder, name), os.path.join(kept, name))
        else:
            copy_catalogue(new, own)
            return f"{kept}.zip"
    else:
        kept = ""
    for journal in (f"{own}-wal", f"{own}-shm"):  # SQLite would apply them to the new catalogue
        if os.path.exists(journal):
            os.unlink(journal)
    os.replace(new, own)
    sync_folder(folder)
    return kept


def _logs(folder: str) -> dict[str, str]:
    """Return the logs of moved duplicates, which `--undo` reads, by the name of their member."""
    try:
        names = sorted(os.listdir(os.path.join(folder, MOVES)))
    except OSError:
        return {}
    return {
        f"{MOVES}/{name}": os.path.join(folder, MOVES, name)
        for name in names
        if name.endswith(".jsonl") and is_member(f"{MOVES}/{name}")
    }


def _put_logs(archive: Archive, folder: str) -> None:
    for name in archive.members.keys() - {CATALOGUE}:
        target = os.path.join(folder, *name.split("/"))
        if not os.path.lexists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            archive.extract(name, target)


@contextmanager
def _workspace(folder: str, name: str) -> Iterator[str]:
    """Yield a temporary folder on the disk of the result; killed runs' folders are removed."""
    prefix = f".pixtrieve-{name}-"
    for leftover in os.listdir(folder):
        path = os.path.join(folder, leftover)
        if leftover.startswith(prefix) and time.time() - os.stat(path).st_mtime > _STALE_S:
            shutil.rmtree(path, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder) as space:
        yield space
