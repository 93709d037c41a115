"""Whether a file is a camera's raw file, of whichever kind."""

from __future__ import annotations

import io
from typing import IO

from retrieval.images.raw import RawFile, Span, largest
from retrieval.images.raw.cameras import has_raw_signature, read_tiff_raw
from retrieval.images.raw.cr3 import is_cr3, read_cr3
from retrieval.query.fields import Facts

_RAF_SIGNATURE = b"FUJIFILMCCD-RAW "
_RAF_PREVIEW = slice(84, 92)


def looks_raw(head: bytes) -> bool:
    """Tell from the first bytes whether a file can only be raw."""
    return head.startswith(_RAF_SIGNATURE) or is_cr3(head) or has_raw_signature(head)


def read_raw(file: IO[bytes], head: bytes) -> RawFile | None:
    """Read the header of a raw file; None when it is none.

    `head` are the first bytes, 64 or more unless the file has fewer. Raises only what reading
    the file raises.
    """
    size = file.seek(0, io.SEEK_END)
    if is_cr3(head):
        return read_cr3(file, size)
    if head.startswith(_RAF_SIGNATURE):
        return _read_raf(file, size)
    return read_tiff_raw(file, head, size)


def _read_raf(file: IO[bytes], size: int) -> RawFile:
    """Read Fuji's raw file: its preview has all of EXIF itself."""
    file.seek(0)
    place = file.read(_RAF_PREVIEW.stop)[_RAF_PREVIEW]
    span = Span(int.from_bytes(place[:4], "big"), int.from_bytes(place[4:], "big"))
    return RawFile("RAF", 1, Facts(), largest(file, [span], size))
