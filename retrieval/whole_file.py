"""Atomic file writes: write a temporary file in the same folder, then rename it."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

_SUFFIX = ".tmp"
_STALE_S = 3600


@contextmanager
def whole_file(path: str, *, follow: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` when the block succeeds.

    If the block raises, `path` stays as it was and the temporary file is deleted. The new file
    gets default permissions. If `path` is a symbolic link, the link is replaced, or with `follow`
    its target: right for a file that the user names, wrong for one in a folder of unknown origin.
    """
    target = os.path.realpath(path) if follow else path
    temporary = f"{target}.{os.getpid()}{_SUFFIX}"
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def require_inside(folder: str, path: str) -> None:
    """Raise OSError if links lead from `path`, a place below a folder, to somewhere else.

    Someone else may have made the folder. What is written or deleted in it must stay in it.
    """
    below, real = os.path.relpath(path, folder), os.path.realpath(path)
    expected = os.path.join(os.path.realpath(folder), below)
    if os.path.normcase(real) != os.path.normcase(expected):
        raise OSError(
            errno.ELOOP, f"{below} leads to {real} by a link, which is not followed", path
        )


def remove_stale(folder: str) -> None:
    """Delete temporary files of killed writers from a folder: those older than an hour."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with suppress(OSError):
            if name.endswith(_SUFFIX) and time.time() - os.stat(path).st_mtime > _STALE_S:
                os.unlink(path)


def sync_folder(path: str) -> None:
    """Flush a folder's entries to disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
