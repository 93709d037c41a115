"""Create and open the catalogue in a library's folder, and check the model against it."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

from retrieval.catalogue import Catalogue, ModelRow
from retrieval.context import require_same
from retrieval.encoders import Encoder, identify
from retrieval.errors import LibraryError, LibraryNotFound
from retrieval.folder.locking import writer_lock
from retrieval.specs import ModelSpec

_CATALOGUE = "catalogue.sqlite"
_JOURNALS = ("-wal", "-shm")


def has_catalogue(folder: str) -> bool:
    """Return whether the folder contains a library.

    Raises LibraryError when the permission to look into the folder is missing.
    """
    try:
        return stat.S_ISREG(os.stat(os.path.join(folder, _CATALOGUE)).st_mode)
    except PermissionError as error:
        raise LibraryError(
            f"there is no permission to read the library folder {folder}: {error.strerror}",
            "change the permissions of the folder, or run this as the user who owns it",
        ) from error
    except (OSError, ValueError):
        return False


def create_catalogue(folder: str, spec: ModelSpec) -> tuple[Catalogue, ModelRow]:
    """Create, atomically, a catalogue that uses a model.

    Raises LibraryError when the folder contains a library already or cannot be created.
    """
    path = os.path.join(folder, _CATALOGUE)
    unfinished = f"{path}.new"
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise LibraryError(
            f"the library folder {folder} cannot be created: {error.strerror}",
            "choose another folder",
        ) from error
    with writer_lock(folder):
        if has_catalogue(folder):
            raise LibraryError(
                f"{folder} is a library already", "open it, or choose another folder"
            )
        # A run killed at this point leaves such files, as does deleting a catalogue without its
        # journals. SQLite would apply old journals to the new catalogue.
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
    """Open a catalogue; `model`, if given, must be the model that it uses.

    Raises LibraryNotFound when the folder contains no library, ModelMismatch for another model.
    If the same model now has another reference, the catalogue records the new one.
    """
    if not has_catalogue(folder):
        raise LibraryNotFound(
            f"there is no library in {folder}",
            "create one: pixtrieve index FOLDER-OF-PICTURES",
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
            "restore the catalogue from a backup, or move the folder away and index again",
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
