"""Create and open the catalogue in a library's folder, and check the model against it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from retrieval.catalogue import Catalogue, ModelRow
from retrieval.context import require_same
from retrieval.encoders import Encoder, identify
from retrieval.errors import FREE_SPACE, LibraryError, LibraryNotFound, is_full, reason_of
from retrieval.folder.locking import writer_lock
from retrieval.specs import ModelSpec
from retrieval.whole_file import require_inside

CATALOGUE = "catalogue.sqlite"
_JOURNALS = ("-wal", "-shm", "-journal")


def has_catalogue(folder: str) -> bool:
    """Return whether the folder contains a library.

    Raises LibraryError when the permission to look into the folder is missing, and when something
    else is in the catalogue's place.
    """
    path = os.path.join(folder, CATALOGUE)
    try:
        os.stat(path)
    except PermissionError as error:
        raise LibraryError(
            f"there is no permission to read the library folder {folder}: {error.strerror}",
            "change the permissions of the folder, or run this as the user who owns it",
        ) from error
    except ValueError:
        return False
    except OSError:
        if not os.path.islink(path):
            return False
    require_file(path)
    return True


def require_file(path: str) -> None:
    """Raise LibraryError if a path leads to anything but a file or nothing.

    SQLite would wait for ever for a pipe.
    """
    try:
        if stat.S_ISREG(os.stat(path).st_mode):
            return
    except OSError as error:
        if not os.path.islink(path):
            return
        raise LibraryError(
            f"{path} is a link that leads nowhere ({os.path.realpath(path)})",
            "connect the drive that it leads to, or delete the link",
        ) from error
    raise LibraryError(
        f"{path} is not a file",
        "move it away; if there is no library then, restore it from a backup",
    )


def create_catalogue(folder: str, spec: ModelSpec) -> tuple[Catalogue, ModelRow]:
    """Create, atomically, a catalogue that uses a model.

    Raises LibraryError when the folder contains a library already or cannot be created.
    """
    path = os.path.join(folder, CATALOGUE)
    unfinished = f"{path}.new"
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise LibraryError(
            f"the library folder {folder} cannot be created: {reason_of(error)}",
            FREE_SPACE if is_full(error) else "choose another folder",
        ) from error
    with writer_lock(folder):
        if has_catalogue(folder):
            raise LibraryError(
                f"{folder} is a library already", "open it, or choose another folder"
            )
        # SQLite would apply the journals of a deleted catalogue to the new one.
        _delete(path + end for end in _JOURNALS)
        _delete(unfinished + end for end in ("", *_JOURNALS))  # of a run that was killed here
        try:
            model_id = _write_new(unfinished, spec)
            os.replace(unfinished, path)
        except BaseException:
            _delete(unfinished + end for end in ("", *_JOURNALS))
            raise
    return Catalogue(path), ModelRow(model_id, spec)


def _require_own_files(folder: str, path: str) -> None:
    """Raise LibraryError if the catalogue or a journal is a link to another folder, or no file.

    SQLite writes to all of them, even to read.
    """
    for each in (path, *(path + end for end in _JOURNALS)):
        try:
            require_inside(folder, each)
        except OSError as error:
            raise LibraryError(
                f"{each} is a link to {os.path.realpath(each)}, which is not in the library",
                "name the library that it belongs to with --library, or delete the link",
            ) from error
        require_file(each)


def _write_new(path: str, spec: ModelSpec) -> int:
    """Write a new catalogue that uses a model, complete in its one file; return the model's id."""
    catalogue = Catalogue(path, create=True)
    try:
        with catalogue.writing():
            model_id = catalogue.contents.register_model(spec)
            catalogue.use_model(model_id)
        catalogue.checkpoint()  # the file is renamed without its journals
    finally:
        catalogue.close()
    return model_id


def _delete(paths: Iterable[str]) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            os.unlink(path)


def open_catalogue(folder: str, model: str | Encoder | None) -> tuple[Catalogue, ModelRow]:
    """Open a catalogue; `model`, if given, must be the model that it uses.

    Raises LibraryNotFound when the folder contains no library, ModelMismatch for another model.
    If the same model now has another reference, the catalogue records the new one.
    """
    if not has_catalogue(folder):
        raise LibraryNotFound(
            f"there is no library in {folder}",
            "create one: pixtrieve index FOLDER-OF-PICTURES",
        )
    path = os.path.join(folder, CATALOGUE)
    _require_own_files(folder, path)
    catalogue = Catalogue(path)
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
            "to see what is damaged: pixtrieve doctor; to mend it: pixtrieve doctor --repair",
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
