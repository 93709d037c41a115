"""Detection of camera raw files of all supported kinds."""

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
    """Tell whether the first bytes prove that a file is raw."""
    return head.startswith(_RAF_SIGNATURE) or is_cr3(head) or has_raw_signature(head)


def read_raw(file: IO[bytes], head: bytes) -> RawFile | None:
    """Read the header of a raw file; None if the file is not raw.

    `head` holds the first 64 bytes or more, or the whole of a shorter file. Raises only errors of
    the file itself (OSError).
    """
    size = file.seek(0, io.SEEK_END)
    if is_cr3(head):
        return read_cr3(file, size)
    if head.startswith(_RAF_SIGNATURE):
        return _read_raf(file, size)
    return read_tiff_raw(file, head, size)


def _read_raf(file: IO[bytes], size: int) -> RawFile:
    """Read Fuji's RAF; its JPEG preview contains all of the EXIF."""
    file.seek(0)
    place = file.read(_RAF_PREVIEW.stop)[_RAF_PREVIEW]
    span = Span(int.from_bytes(place[:4], "big"), int.from_bytes(place[4:], "big"))
    return RawFile("RAF", 1, Facts(), largest(file, [span], size))
