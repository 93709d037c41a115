"""A file is there whole, or as it was before: written beside its place and renamed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

_SUFFIX = ".tmp"
_STALE_S = 3600


@contextmanager
def whole_file(path: str) -> Iterator[BinaryIO]:
    """Give a file to write; it takes its place at the end, or leaves no trace.

    It gets the permissions that a new file gets, and goes where a link points.
    """
    target = os.path.realpath(path)
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


def remove_stale(folder: str) -> None:
    """Delete what killed writers have left in a folder; nobody writes for an hour."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with suppress(OSError):
            if name.endswith(_SUFFIX) and time.time() - os.stat(path).st_mtime > _STALE_S:
                os.unlink(path)
