"""Moves one file without overwriting another, and without a moment when it exists nowhere."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from contextlib import suppress

from retrieval.whole_file import open_regular, sync_folder

_BLOCK = 2**20


class NotMovedError(Exception):
    """A file is not in the required state; the text gives the reason, for the user."""


def require_plain(root: str, path: str) -> None:
    """Raise NotMovedError unless root/path is a regular file that is not behind a link.

    `path` is relative, with slashes; links above the root are allowed.
    """
    *folders, name = path.split("/")
    inside = root
    for folder in folders:
        inside = os.path.join(inside, folder)
        if os.path.islink(inside):
            raise NotMovedError(f"{inside} is a symbolic link, and links are not followed")
    try:
        status = os.lstat(os.path.join(inside, name))
    except OSError:
        raise NotMovedError("the file does not exist") from None
    if not stat.S_ISREG(status.st_mode):
        raise NotMovedError("it is a symbolic link or a special file, not a regular file")


def require_content(path: str, sha256: str, size: int, *, what: str = "the file") -> None:
    """Raise NotMovedError unless a file has this content, by its SHA-256 in hexadecimal."""
    try:
        if os.stat(path).st_size == size and content_of(path) == sha256:
            return
    except FileNotFoundError:
        raise NotMovedError(f"{what} does not exist") from None
    raise NotMovedError(f"{what} differs from what was indexed")


def content_of(path: str) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_same_file(first: str, second: str) -> bool:
    """Tell whether two paths lead to one file, by a hard link or a folder mounted twice."""
    return os.path.samefile(first, second)


def transfer(source: str, target: str, sha256: str) -> None:
    """Move a regular file whose content has just been verified; creates missing folders.

    Raises NotMovedError or OSError, and leaves `source` in place, when that fails.
    """
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # another file system, or one without hard links
        _copy(source, target, sha256)
    sync_folder(os.path.dirname(target))
    try:
        os.unlink(source)
    except OSError:
        if os.path.lexists(source):
            os.unlink(target)
            raise
    sync_folder(os.path.dirname(source))


def _copy(source: str, target: str, sha256: str) -> None:
    """Copy to a path that must be free, flush the copy to disk, and verify it."""
    before = os.stat(source)
    with open(target, "xb") as copy:
        try:
            with open_regular(source) as original:
                shutil.copyfileobj(original, copy, _BLOCK)
            copy.flush()
            os.fsync(copy.fileno())
            shutil.copystat(source, target)
            _require_unchanged(source, before)
            require_content(target, sha256, before.st_size, what="the copy")
        except BaseException:
            with suppress(OSError):
                os.unlink(target)
            raise


def _require_unchanged(source: str, before: os.stat_result) -> None:
    after = os.stat(source)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise NotMovedError("the file changed while it was copied")
