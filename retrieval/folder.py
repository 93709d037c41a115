"""The folder of a library: its catalogue, its one writer, its caches, and what it holds."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from retrieval.catalogue import Catalogue, Counts, ModelRow, Root
from retrieval.context import require_same
from retrieval.encoders import Encoder, identify
from retrieval.errors import LibraryBusy, LibraryError, LibraryNotFound
from retrieval.specs import ModelSpec

_CATALOGUE = "catalogue.sqlite"
_JOURNALS = ("-wal", "-shm")


def has_catalogue(folder: str) -> bool:
    """Tell whether there is a library in the folder."""
    return os.path.isfile(os.path.join(folder, _CATALOGUE))


def create_catalogue(folder: str, spec: ModelSpec) -> tuple[Catalogue, ModelRow]:
    """Make a catalogue that answers with a model: whole, or not at all.

    Raises LibraryError when there is one already.
    """
    path = os.path.join(folder, _CATALOGUE)
    unfinished = f"{path}.new"
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise LibraryError(
            f"the library {folder} cannot be made: {error.strerror}", "name another folder"
        ) from error
    with writer_lock(folder):
        if has_catalogue(folder):
            raise LibraryError(f"{folder} is a library already", "open it, or name another folder")
        # Of a run that was killed at this very point, and of a catalogue that was deleted
        # without them: SQLite would take them for the new one's.
        for leftover in (unfinished, *(p + s for p in (unfinished, path) for s in _JOURNALS)):
            if os.path.exists(leftover):
                os.unlink(leftover)
        catalogue = Catalogue(unfinished, create=True)
        with catalogue.writing():
            model_id = catalogue.contents.register_model(spec)
            catalogue.use_model(model_id)
        catalogue.close()
        os.replace(unfinished, path)
    return Catalogue(path), ModelRow(model_id, spec)


def open_catalogue(folder: str, model: str | Encoder | None) -> tuple[Catalogue, ModelRow]:
    """Open a catalogue; `model`, if given, must be the one that it answers with.

    Raises LibraryNotFound when there is none, ModelMismatch for another model. A model that has
    moved is remembered by its new name.
    """
    if not has_catalogue(folder):
        raise LibraryNotFound(
            f"there is no library in {folder}",
            "make one with: pixtrieve index FOLDER-OF-PICTURES",
        )
    catalogue = Catalogue(os.path.join(folder, _CATALOGUE))
    try:
        return catalogue, _checked_model(folder, catalogue, model)
    except BaseException:
        catalogue.close()
        raise


def _checked_model(folder: str, catalogue: Catalogue, model: str | Encoder | None) -> ModelRow:
    row = catalogue.model()
    if row is None:
        raise LibraryError(
            f"the catalogue in {folder} names no model",
            "restore it from a backup, or move the folder away and index again",
        )
    if isinstance(model, str):
        identity = identify(model)
        require_same(row.spec, identity.reference, identity.fingerprint)
        if identity.reference != row.spec.name:
            row = _rename(folder, catalogue, row, identity.reference)
    elif model is not None:
        require_same(row.spec, model.spec.name, model.spec.fingerprint)
    return row


def _rename(folder: str, catalogue: Catalogue, row: ModelRow, name: str) -> ModelRow:
    spec = replace(row.spec, name=name)
    with writer_lock(folder), catalogue.writing():
        catalogue.contents.register_model(spec)
    return ModelRow(row.id, spec)


@contextmanager
def writer_lock(folder: str) -> Iterator[None]:
    """Hold the library for writing; LibraryBusy, at once, names who holds it already.

    The operating system drops the lock when the process ends, however it ends. The note beside
    it only says who; it means nothing without the lock.
    """
    from filelock import FileLock, Timeout  # a reader need not wait for its import

    lock = FileLock(os.path.join(folder, "writer.lock"))
    note = os.path.join(folder, "writer.json")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LibraryBusy(
            f"the library {folder} is being written by {_holder(note)}",
            "wait until it is done, or stop it; searching works meanwhile",
        ) from None
    except OSError as error:
        raise LibraryError(
            f"the library {folder} cannot be written: {error.strerror}",
            "check the permissions of the folder, or name another one with --library",
        ) from error
    try:
        _sign(note)
        yield
    finally:
        lock.release()


def _sign(note: str) -> None:
    import socket

    facts = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]])[:200],
    }
    # Only a courtesy to whoever finds the lock taken.
    with suppress(OSError), open(note, "w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(facts, file)


def _holder(note: str) -> str:
    try:
        with open(note, encoding="utf-8") as file:
            facts = json.load(file)
        return (
            f"process {facts['pid']} on {facts['host']} since {facts['since']} ({facts['command']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


@dataclass(frozen=True, slots=True)
class Status:
    """What a library holds; `disk_bytes` is the size of its folder."""

    path: str
    model: ModelSpec
    counts: Counts
    roots: tuple[Root, ...]
    disk_bytes: int


def read_status(path: str, catalogue: Catalogue, model: ModelSpec) -> Status:
    """Count what is in a library."""
    with catalogue.reading():
        return Status(
            path=path,
            model=model,
            counts=catalogue.lookup.counts(),
            roots=tuple(catalogue.roots.all()),
            disk_bytes=_size_of(path),
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
