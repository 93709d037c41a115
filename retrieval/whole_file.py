"""Atomic file writes: write a temporary file in the same folder, then rename it.

A record is a JSON object with its own checksum, so that one that was damaged is not believed.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import Any, BinaryIO

SUFFIX = ".tmp"
"""The suffix of files that are not complete yet."""

_STALE_S = 3600
_CHECKSUM = "checksum"
_DIGEST_BYTES = 16


@contextmanager
def whole_file(path: str, *, follow: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` when the block succeeds.

    If the block raises, `path` stays as it was and the temporary file is deleted. The new file
    gets default permissions. If `path` is a symbolic link, the link is replaced, or with `follow`
    its target: right for a file that the user names, wrong for one in a folder of unknown origin.
    """
    target = os.path.realpath(path) if follow else path
    temporary = f"{target}.{os.getpid()}{SUFFIX}"
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


def open_regular(path: str) -> BufferedReader:
    """Open a file for reading; OSError for anything else: a pipe would be waited for for ever."""
    return open(path, "rb", opener=_open_regular)


def _open_regular(path: str, flags: int) -> int:
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return handle


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


def write_record(path: str, facts: Mapping[str, Any]) -> None:
    """Write a JSON object atomically, with a checksum of itself. Raises OSError."""
    with whole_file(path) as file:
        file.write(json.dumps({**facts, _CHECKSUM: _checksum(facts)}, indent=1).encode())


def read_record(path: str) -> dict[str, Any] | None:
    """Return what `write_record` wrote; None if it is missing, unreadable or damaged."""
    try:
        with open_regular(path) as file:
            facts = json.load(file)
        if isinstance(facts, dict) and facts.pop(_CHECKSUM, None) == _checksum(facts):
            return facts
    except (OSError, ValueError, RecursionError):
        pass
    return None


def _checksum(facts: Mapping[str, Any]) -> str:
    from hashlib import sha256  # only this needs it

    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def sealed(content: bytes) -> bytes:
    """Return the content of a cache file with its digest at the end."""
    return content + _digest(content)


def unsealed(data: bytes) -> bytes | None:
    """Return the content of a sealed file; None if its bytes are not those that were sealed."""
    content, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    return content if digest == _digest(content) else None


def _digest(content: bytes) -> bytes:
    from hashlib import blake2b  # most writers of files need no digest

    return blake2b(content, digest_size=_DIGEST_BYTES, person=b"pixtrieve cache").digest()


def remove_stale(folder: str) -> None:
    """Delete temporary files of killed writers from a folder: those older than an hour."""
    for path in stale_files(folder):
        with suppress(OSError):
            os.unlink(path)


def stale_files(folder: str) -> list[str]:
    """Return the temporary files in a folder that are older than an hour, sorted."""
    found = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        with suppress(OSError):
            if name.endswith(SUFFIX) and time.time() - os.stat(path).st_mtime > _STALE_S:
                found.append(path)
    return found


def sync_folder(path: str) -> None:
    """Flush a folder's entries to disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
