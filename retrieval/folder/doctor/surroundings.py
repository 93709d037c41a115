"""The library's folder itself: permissions, disk space, what killed runs left behind."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress

from retrieval.encoders.models.cache import exports_folder
from retrieval.errors import LibraryBusy, LibraryError
from retrieval.folder.doctor.findings import Finding, some
from retrieval.folder.locking import writer_lock
from retrieval.folder.opening import CATALOGUE
from retrieval.whole_file import require_inside, stale_files

_LEAST_FREE = 200_000_000  # bytes
_STALE_S = 3600


def examine(folder: str, *, locked: bool) -> Iterator[Finding]:
    """Yield what is wrong around the catalogue; `locked` if the caller has the writer's lock."""
    yield from _permissions(folder)
    yield from _space(folder)
    if locked or _is_idle(folder):
        yield from _leftovers(folder)


def _permissions(folder: str) -> Iterator[Finding]:
    cache = os.path.join(folder, "cache")
    parts = (os.path.join(folder, CATALOGUE), cache)
    paths = [folder, *filter(os.path.exists, parts)]
    unreadable = [path for path in paths if not os.access(path, os.R_OK)]
    fixed = [path for path in paths if path not in unreadable and not os.access(path, os.W_OK)]
    hint = "change the permissions, or run this as the user who owns the library"
    if unreadable:
        yield Finding("permissions.read", "error", f"not readable: {some(unreadable)}", hint=hint)
    if fixed:
        yield Finding(
            "permissions.write",
            "warning",
            f"not writable: {some(fixed)}; searches work, indexing does not",
            hint=hint,
        )


def _space(folder: str) -> Iterator[Finding]:
    with suppress(OSError):
        free = shutil.disk_usage(folder).free
        needed = max(_LEAST_FREE, os.path.getsize(os.path.join(folder, CATALOGUE)))
        if free < needed:
            yield Finding(
                "disk.full",
                "warning",
                f"the disk of {folder} has only {free / 1e6:,.0f} MB left; a copy of the "
                f"catalogue, or a new cache, may need {needed / 1e6:,.0f} MB",
                hint="free disk space",
            )


def _is_idle(folder: str) -> bool:
    """Tell whether no process writes the library; what a writer has open is no leftover."""
    try:
        with writer_lock(folder):
            return True
    except LibraryBusy:
        return False
    except LibraryError:  # not writable: nobody else's business either
        return True


def _leftovers(folder: str) -> Iterator[Finding]:
    names = (f"{CATALOGUE}{end}" for end in (".new", ".new-wal", ".new-shm", ".salvage.tmp"))
    paths = [path for name in names if os.path.exists(path := os.path.join(folder, name))]
    for place in (folder, os.path.join(folder, "cache")):
        with suppress(OSError):
            require_inside(folder, place)  # what a link leads to is not the library's
            paths += stale_files(place)
    paths += _abandoned_exports()
    if not paths:
        return
    paths = sorted(set(paths))
    size = sum(_size(path) for path in paths)

    def delete() -> str:
        for path in paths:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    os.unlink(path)
        return f"deleted {len(paths)} of them"

    yield Finding(
        "leftovers",
        "warning",
        f"temporary files of runs that were killed ({len(paths)}, {size / 1e6:,.1f} MB): "
        f"{some(paths)}",
        "delete them",
        mend=delete,
    )


def _abandoned_exports() -> list[str]:
    found = []
    with suppress(OSError):
        for entry in os.scandir(exports_folder()):
            old = time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE_S
            if entry.name.endswith(".tmp") and old:
                found.append(entry.path)
    return found


def _size(path: str) -> int:
    total = 0
    for parent, _, names in os.walk(path):
        total += sum(os.lstat(os.path.join(parent, name)).st_size for name in names)
    with suppress(OSError):
        total += os.lstat(path).st_size
    return total
