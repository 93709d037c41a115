"""Reading the .txt and .xmp files that lie beside pictures, without trusting them."""

from __future__ import annotations

import codecs
import os
import stat
from typing import IO

from retrieval.catalogue import SIDECAR, XMP
from retrieval.images.decoding import open_file
from retrieval.images.xmp import MOST_BYTES, read_xmp

_MOST_TEXT_BYTES = 64 * 1024
"""A description is no book: what lies beyond is a log or a data set, and is not read."""

_MOST_STRANGE = 0.02
"""The share of control characters above which bytes are no text."""


def read_sidecar(path: str) -> tuple[str, str] | None:
    """Return the source that a sidecar file is and what it says, "" for nothing of use.

    None when the file cannot be read now: it is to be tried again.
    """
    is_xmp = path.lower().endswith(".xmp")
    try:
        with open_file(path) as file:
            data = _content(file, MOST_BYTES if is_xmp else _MOST_TEXT_BYTES)
    except OSError:
        return None
    if is_xmp:
        return XMP, "\n".join(read_xmp(data or b""))
    return SIDECAR, text_of(data or b"")


def text_of(data: bytes) -> str:
    """Decode a text file whose encoding nobody knows, line by line; "" when it is not text."""
    text = _decoded(data)
    strange = sum(not (c.isprintable() or c.isspace()) for c in text)
    if "\0" in text or strange > _MOST_STRANGE * len(text):
        return ""
    lines = (
        " ".join("".join(c if c.isprintable() else " " for c in line).split())
        for line in text.splitlines()
    )
    return "\n".join(dict.fromkeys(filter(None, lines)))


def _content(file: IO[bytes], most: int) -> bytes | None:
    """Return what is in a file; None when that is too much, or it is no file."""
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size > most:
        return None
    data = file.read(most + 1)
    return data if len(data) <= most else None


def _decoded(data: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    # Without a mark: half of the bytes of Latin letters in UTF-16 are zero.
    odd, even = data[1::2].count(0), data[0::2].count(0)
    if max(odd, even) > len(data) // 5:
        return data.decode("utf-16-le" if odd > even else "utf-16-be", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
