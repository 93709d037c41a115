"""What an open catalogue holds, against its caches and the files on disk."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import numpy as np

from retrieval.catalogue import Catalogue, ModelRow, Vectors
from retrieval.catalogue.duplicates import KnownFile
from retrieval.folder.doctor.findings import Finding, some
from retrieval.folder.session import backend_of, cache_path, index_kind, thumbnails_folder
from retrieval.images.decoding import open_file
from retrieval.stores import backends
from retrieval.stores.cache_file import forget_check
from retrieval.whole_file import open_regular, require_inside, unsealed


def examine(
    folder: str, catalogue: Catalogue, model: ModelRow, *, files: bool
) -> Iterator[Finding]:
    """Yield what is wrong with vectors, caches and files; the model in use is `model`."""
    with catalogue.reading():
        yield from _vectors(catalogue)
        yield from _caches(folder, catalogue)
        if files:
            yield from _thumbnails(folder)
        if lacking := catalogue.vectors(model).count_lacking():
            yield Finding(
                "vectors.lacking",
                "note",
                f"pictures that wait for a vector, and that no search finds: {lacking:,}",
                hint="to make it: pixtrieve index",
            )
        yield from _files(catalogue, model, read=files)


def _vectors(catalogue: Catalogue) -> Iterator[Finding]:
    damaged: list[int] = []
    names: list[str] = []
    for _, _, vectors in catalogue.all_vectors():
        own: list[int] = []
        for _ in vectors.after(0, own):
            pass
        names += vectors.names(own)
        damaged += own
    contents, path = catalogue.contents, catalogue.path
    if damaged:
        yield Finding(
            "vectors.damaged",
            "error",
            f"damaged vectors, which are in no answer: {len(damaged):,}"
            + (f" ({some(names)})" if names else ""),
            "delete them; then pixtrieve index makes them anew",
            mend=lambda: _mend(path, damaged),
        )
    wrong, lost = contents.wrong_orphans(), contents.lost_images()
    if wrong or lost:
        yield Finding(
            "images.orphans",
            "error",
            f"{len(wrong)} pictures have files but are in no answer, {len(lost)} have none but are",
            "correct that",
            mend=lambda: _mend(path, []),
        )


def _mend(path: str, damaged: list[int]) -> str:
    catalogue = Catalogue(path)  # the one of the examination is closed by now
    try:
        catalogue.contents.mend(damaged)
    finally:
        catalogue.close()
    return "deleted. Now run: pixtrieve index" if damaged else "corrected"


def _caches(folder: str, catalogue: Catalogue) -> Iterator[Finding]:
    yield from _maps(folder)
    for model, view, vectors in catalogue.all_vectors():
        kind = index_kind(catalogue)
        path = cache_path(folder, model.fingerprint, view, kind)
        try:
            require_inside(folder, path)
        except OSError:  # what a link leads to is not the library's, and no search uses it
            continue
        if os.path.exists(path) and (why := _difference(path, vectors, backend_of(view, kind))):
            yield Finding(
                f"cache.{view}",
                "error",
                f"the cache {path} {why}",
                "delete it; the next search makes it anew",
                mend=partial(_delete, path),
            )


def _maps(folder: str) -> Iterator[Finding]:
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "cache", "*-map.npz"))):
        if _is_damaged(folder, path):
            yield Finding(
                "cache.map",
                "warning",
                f"the cached map {path} is damaged",
                "delete it; the next map is made anew",
                mend=partial(_delete, path),
            )


def _difference(path: str, vectors: Vectors, backend: str) -> str:
    """Return how a cache differs from the vectors that it must hold; "" if it does not."""
    forget_check(path)  # all of it is read again
    loaded = backends.store_factory(backend).load(path)
    if loaded is None:
        return "is damaged, or another version of Pixtrieve wrote it"
    store, header = loaded
    if header.stamp != vectors.stamp_of(header.generation):
        return ""  # of another time: it is not used
    stored, count = store.ids(), 0
    for ids, right in vectors.after(0):
        common = np.isin(ids, stored)
        count += int(common.sum())
        if not np.array_equal(store.vectors(ids[common]), right[common]):
            return "holds other vectors than the catalogue"
    current = header.generation == vectors.snapshot().generation
    if current and not count == len(stored) == vectors.count() - len(header.damaged):
        return "does not hold all vectors of the catalogue"
    return ""


def _thumbnails(folder: str) -> Iterator[Finding]:
    place = thumbnails_folder(folder)
    damaged = [
        path
        for path in sorted(glob.glob(os.path.join(glob.escape(place), "*", "*.webp")))
        if _is_damaged(folder, path)
    ]
    if damaged:
        yield Finding(
            "cache.thumbnails",
            "warning",
            f"{len(damaged):,} thumbnails are damaged: {some(damaged)}",
            "delete them; the page makes them anew",
            mend=partial(_delete, *damaged),
        )


def _is_damaged(folder: str, path: str) -> bool:
    """Tell whether a sealed cache file has other bytes than were written."""
    try:
        require_inside(folder, path)
        with open_file(path) as file:
            return unsealed(file.read()) is None
    except OSError:  # it is missing, cannot be read (see `surroundings`), or is not the library's
        return False


def _delete(*paths: str) -> str:
    for path in paths:
        forget_check(path)
        with suppress(FileNotFoundError):
            os.unlink(path)
    return "deleted"


def _files(catalogue: Catalogue, model: ModelRow, *, read: bool) -> Iterator[Finding]:
    elsewhere = set()
    for root in catalogue.roots.all():
        if root.elsewhere:
            elsewhere.add(root.path)
        elif not os.path.isdir(root.path):
            yield Finding(
                "folder.missing",
                "note",
                f"the folder {root.path} is not there",
                hint="connect its drive; if it was deleted: pixtrieve remove FOLDER",
            )
    compared: dict[str, list[KnownFile]] = {"missing": [], "changed": [], "differing": []}
    sha256 = {image.id: image.sha256 for image in catalogue.duplicates.images(model.id)}
    for file in catalogue.duplicates.files():
        if file.root in elsewhere:
            continue
        if how := _compared(file, sha256.get(file.image_id, b"") if read else None):
            compared[how].append(file)
    for how, what in (
        ("missing", "are not there any more"),
        ("changed", "have changed since they were indexed"),
    ):
        if files := compared[how]:
            message = f"{len(files):,} files {what}: {_named(files)}"
            hint = "to bring the library up to date: pixtrieve index"
            yield Finding(f"files.{how}", "note", message, hint=hint)
    if differing := compared["differing"]:
        yield Finding(
            "files.differ",
            "error",
            f"{len(differing):,} files hold other bytes than were indexed, without a newer date: "
            f"{_named(differing)}",
            "forget them; then pixtrieve index reads them again",
            mend=lambda: _forget(catalogue.path, differing),
        )


def _compared(file: KnownFile, sha256: bytes | None) -> str:
    """Return how a file differs from the catalogue, "" if not; reads it if `sha256` is given."""
    path = os.path.join(file.root, file.path)
    try:
        status = os.stat(path)
        if (status.st_size, status.st_mtime_ns) != (file.size, file.mtime_ns):
            return "changed"
        return "" if sha256 is None or _sha256(path) == sha256 else "differing"
    except OSError:
        return "missing" if os.path.isdir(file.root) else ""


def _named(files: list[KnownFile]) -> str:
    return some([os.path.join(file.root, file.path) for file in files])


def _sha256(path: str) -> bytes:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").digest()


def _forget(path: str, files: list[KnownFile]) -> str:
    catalogue = Catalogue(path)
    try:
        with catalogue.writing():
            for file in files:
                catalogue.duplicates.forget_file(file.root, file.path)
    finally:
        catalogue.close()
    return f"forgot {len(files):,} files. Now run: pixtrieve index"
