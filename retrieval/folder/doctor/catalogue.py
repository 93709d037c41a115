"""The catalogue file: can it be read, is it of this version, do its rows make sense."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress

from retrieval.catalogue import inspection, mending, salvage, schema
from retrieval.encoders import open_encoder
from retrieval.errors import LibraryError, PixtrieveError
from retrieval.folder.doctor.findings import Finding, some
from retrieval.folder.opening import CATALOGUE, require_file

_JOURNALS = ("-wal", "-shm")


def examine(folder: str) -> Iterator[Finding]:
    """Yield what is wrong with the catalogue of a folder."""
    path = os.path.join(folder, CATALOGUE)
    try:
        for each in (path, *(path + end for end in (*_JOURNALS, "-journal"))):
            require_file(each)
    except LibraryError as error:
        yield Finding("catalogue.not_a_file", "error", error.message, hint=error.hint, alone=True)
        return
    found = inspection.inspect(path)
    newest = len(schema.MIGRATIONS)
    if not found.unreadable and found.version > newest:
        yield Finding(
            "catalogue.newer",
            "error",
            f"the catalogue has schema {found.version}, this version of Pixtrieve reads {newest}",
            hint="upgrade with: pip install --upgrade pixtrieve",
            alone=True,
        )
    elif not found.unreadable and 0 < found.version < newest:
        yield Finding(
            "catalogue.older",
            "note",
            f"the catalogue has schema {found.version}; the next command brings it to {newest}",
            hint="any command does: pixtrieve status",
            alone=True,
        )
    elif found.malformed or not found.version:
        reasons = found.unreadable or some(list(found.structure or found.schema))
        yield Finding(
            "catalogue.malformed",
            "error",
            f"the catalogue {path} is malformed: {reasons or 'it has no tables'}",
            "copy every row that can be read into a new catalogue, and keep the damaged one",
            mend=lambda: _salvage(path),
            alone=True,
        )
    else:
        yield from _rows(path, found)


def _rows(path: str, found: inspection.Inspected) -> Iterator[Finding]:
    wrong, dangling = found.wrong or {}, found.dangling or {}
    damaged_model = "models" in wrong or _model_differs(path)
    parts = [f"{count} in {table}" for table, count in wrong.items()]
    if parts:
        yield _mendable(path, "rows.impossible", f"rows with impossible values: {some(parts, 9)}")
    parts = [f"{count} in {table}" for table, count in (found.altered or {}).items()]
    if parts:
        what = f"rows that a fault has changed since they were written: {some(parts, 9)}"
        yield _mendable(path, "rows.altered", what)
    if found.peoples:
        yield Finding(
            "rows.altered.people",
            "error",
            "a fault has changed what a person made or imported; this is how it reads now: "
            + some(list(found.peoples), 20),
            "keep it as it reads now, after a copy of the catalogue",
            hint="put right what is wrong, for example from a backup or pixtrieve edits export",
            mend=lambda: _mend(path),
        )
    parts = [f"{count} in {table}" for table, count in dangling.items()]
    if parts:
        yield _mendable(
            path, "rows.dangling", f"rows that belong to no other row: {some(parts, 9)}"
        )
    if found.words:
        what = f"the words of {found.words} pictures are not in the full-text index"
        yield _mendable(path, "words.missing", what)
    if found.settings:
        alone = {"model", "model_id"} & set(found.settings)
        what = f"settings are missing or damaged: {some(list(found.settings))}"
        yield _mendable(path, "settings.damaged", what, alone=bool(alone))
    if damaged_model:
        yield Finding(
            "model.record",
            "error",
            "what the catalogue says about its model cannot be right",
            "load the model and record what it says",
            mend=lambda: _record_model(path),
            alone=True,
        )


def _mendable(path: str, code: str, message: str, *, alone: bool = False) -> Finding:
    repair = "remove or reset them, after a copy of the catalogue; then run: pixtrieve index"
    return Finding(code, "error", message, repair, mend=lambda: _mend(path), alone=alone)


def _model_differs(path: str) -> bool:
    """Tell whether the record of the model in use cannot be read."""
    from retrieval.catalogue import Catalogue

    try:
        catalogue = Catalogue(path)
    except PixtrieveError:
        return False
    try:
        row = catalogue.model()
        if row is not None:  # its vectors must have its dimension
            for _ in catalogue.vectors(row).after(0):
                break
    except PixtrieveError:
        return True
    else:
        return False
    finally:
        catalogue.close()


def kept_name(path: str, why: str) -> str:
    """Return a name beside a file that is free: PATH.WHY-2026-11-30-101500."""
    name = f"{path}.{why}-{time.strftime('%Y-%m-%d-%H%M%S')}"
    number = 1
    while os.path.lexists(name if number == 1 else f"{name}-{number}"):
        number += 1
    return name if number == 1 else f"{name}-{number}"


def _mend(path: str) -> str:
    kept = kept_name(path, "before-repair")
    with _explained(path):
        _copy(path, kept)
        model = mending.model_in_use(path)
        mending.mend_rows(path, None if model is None else model[0])
    return f"mended; the catalogue as it was is {kept}. Now run: pixtrieve index"


def _record_model(path: str) -> str:
    kept = kept_name(path, "before-repair")
    with _explained(path):
        _copy(path, kept)
        model = mending.model_in_use(path)
        if model is None:
            raise LibraryError(
                f"the catalogue {path} names no model that it has",
                "move the folder away and index again; the pictures are not affected",
            )
        mending.set_model(path, model[0], open_encoder(model[1]).spec)
    return f"recorded; the catalogue as it was is {kept}"


def _salvage(path: str) -> str:
    """Salvage a catalogue; the damaged file stays beside the new one."""
    kept, new = kept_name(path, "damaged"), f"{path}.new"
    with _explained(path):
        found = salvage.salvage(path, new)
        if not (found.rows.get("images") and found.rows.get("models")):
            for end in ("", *_JOURNALS):
                with suppress(FileNotFoundError):
                    os.unlink(new + end)
            raise LibraryError(
                "no picture could be saved; the file is as it was",
                "restore a backup, or move the folder away and index again; the pictures are not "
                "affected",
            )
        try:
            os.link(path, kept)  # so that there is a catalogue at every moment
        except OSError:
            shutil.copy2(path, kept)
        for end in _JOURNALS:
            with suppress(FileNotFoundError):
                os.replace(path + end, kept + end)
        os.replace(new, path)
        for end in _JOURNALS:
            with suppress(FileNotFoundError):
                os.unlink(new + end)
    images, files = found.rows.get("images", 0), found.rows.get("files", 0)
    lost = f"; some rows of {', '.join(found.incomplete)} are lost" if found.incomplete else ""
    return (
        f"saved {images:,} pictures and {files:,} files{lost}. The damaged catalogue is kept as "
        f"{kept}. Now run: pixtrieve index"
    )


def _copy(path: str, target: str) -> None:
    """Copy a catalogue with its journal; the caller has the writer's lock."""
    shutil.copy2(path, target)
    with suppress(FileNotFoundError):
        shutil.copy2(f"{path}-wal", f"{target}-wal")


class _explained:  # noqa: N801 - a context
    """Turns what SQLite and the disk say into LibraryError."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, salvage.FAILURES):
            raise LibraryError(
                f"the catalogue {self._path} could not be repaired: {error}",
                "restore a backup, or move the folder away and index again; the pictures are not "
                "affected",
            ) from error
