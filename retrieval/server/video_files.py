"""Bytes of indexed videos, a part at a time: only what was indexed is sent.

A video is too large to be hashed for each part that a browser asks for, or for a thumbnail. The
file that was indexed counts as unchanged while its size and its time, in nanoseconds, are those of
then, as for the next indexing run. Another one with the same content is hashed, once for each
version (device, inode, size, times). What is sent is read through the file that was compared.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from retrieval.catalogue import ImageRow
from retrieval.errors import PictureError
from retrieval.images import mtime_ns
from retrieval.images.decoding import open_file

MEDIA_TYPES = {
    "MP4": "video/mp4",
    "MOV": "video/mp4",  # browsers that play its content refuse it under its own name
    "3GP": "video/3gpp",
    "WEBM": "video/webm",
    "MKV": "video/x-matroska",
    "AVI": "video/x-msvideo",
}
"""The media types of videos by `Facts.format`."""

_BLOCK = 2**18
_MOST_KNOWN = 256
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)

_known: OrderedDict[tuple[int, ...], bytes] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes of a file from `start` to before `end`, of `size` in all."""

    start: int
    end: int
    size: int


def open_video(image: ImageRow) -> tuple[IO[bytes], str]:
    """Open the first file that still has the indexed bytes; return it and its path.

    Raises PictureError if no file has them.
    """
    reason = "the file is missing"
    for path in image.paths:
        try:
            file = open_file(path)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            continue
        with suppress(OSError):
            found = os.fstat(file.fileno())
            same = (found.st_size, mtime_ns(found)) == (image.size, image.mtime_ns)
            indexed = path == image.paths[0] and same
            if stat.S_ISREG(found.st_mode) and (indexed or _digest(file).hex() == image.sha256):
                return file, path
        file.close()
        reason = "it has changed since it was indexed"
    raise PictureError(
        f"{image.paths[0]} cannot be played: {reason}", "update the library: pixtrieve index"
    )


def span_of(header: str | None, size: int) -> Span | None:
    """Return what a Range header asks for of `size` bytes; None if there is nothing of that.

    Without a header, or with one that is not understood, that is everything (RFC 9110, 14.2).
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or not (found[1] or found[2]):
        return Span(0, size, size)
    if not found[1]:  # the last so many bytes
        length = min(int(found[2]), size)
        return Span(size - length, size, size) if length else None
    start = int(found[1])
    end = min(int(found[2]) + 1, size) if found[2] else size
    return Span(start, end, size) if start < end else None


def blocks(file: IO[bytes], span: Span) -> Iterator[bytes]:
    """Yield the bytes of a span, and close the file."""
    with file:
        file.seek(span.start)
        left = span.end - span.start
        while left > 0 and (block := file.read(min(_BLOCK, left))):
            left -= len(block)
            yield block


def _digest(file: IO[bytes]) -> bytes:
    """Return the SHA-256 of a file, known from before if it is the same version. Raises OSError."""
    version = _version(file)
    with _lock:
        if version in _known:
            _known.move_to_end(version)
            return _known[version]
    digest = hashlib.sha256()
    while block := file.read(2**22):
        digest.update(block)
    if _version(file) != version:
        raise OSError("the file changed during reading")
    with _lock:
        _known[version] = digest.digest()
        while len(_known) > _MOST_KNOWN:
            _known.popitem(last=False)
    return digest.digest()


def _version(file: IO[bytes]) -> tuple[int, ...]:
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
