"""Reads the .txt, .xmp and .json files beside pictures; treats their content as untrusted."""

from __future__ import annotations

import codecs
import os
import stat
from typing import IO

from retrieval.catalogue import SIDECAR, XMP
from retrieval.images import is_json
from retrieval.images.decoding import open_file
from retrieval.images.xmp import MOST_BYTES, read_xmp, xmp_facts
from retrieval.query.fields import Facts
from retrieval.texts.takeout import read_takeout

_MAX_TEXT_BYTES = 64 * 1024
"""Larger text files are not descriptions but logs or data sets, and are not read."""

_MAX_CONTROL_SHARE = 0.02
"""Data with a larger share of control characters is not text."""


def read_sidecar(path: str) -> tuple[str, str, Facts] | None:
    """Return a sidecar file's source (SIDECAR or XMP), its text and its facts.

    The text is "" when there is none of use; the facts are date and place, if they are known.

    None when the file cannot be read now; a later run tries again.
    """
    try:
        with open_file(path) as file:
            data = _content(file, _most_bytes(path))
    except OSError:
        return None
    return sidecar_of(path, data or b"")


def sidecar_of(name: str, data: bytes) -> tuple[str, str, Facts]:
    """Return source, text and facts of a sidecar's content: see `read_sidecar`."""
    if len(data) > _most_bytes(name):
        data = b""
    if name.lower().endswith(".xmp"):
        return XMP, "\n".join(read_xmp(data)), xmp_facts(data)
    if is_json(name):
        return SIDECAR, *read_takeout(data)
    return SIDECAR, text_of(data), Facts()


def _most_bytes(name: str) -> int:
    return MOST_BYTES if name.lower().endswith(".xmp") else _MAX_TEXT_BYTES


def text_of(data: bytes) -> str:
    """Decode a text file of unknown encoding, line by line; "" when it is not text."""
    text = decoded(data)
    control = sum(not (c.isprintable() or c.isspace()) for c in text)
    if "\0" in text or control > _MAX_CONTROL_SHARE * len(text):
        return ""
    lines = (
        " ".join("".join(c if c.isprintable() else " " for c in line).split())
        for line in text.splitlines()
    )
    return "\n".join(dict.fromkeys(filter(None, lines)))


def _content(file: IO[bytes], most: int) -> bytes | None:
    """Return the content of a file; None when it is too large or not a regular file."""
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size > most:
        return None
    data = file.read(most + 1)
    return data if len(data) <= most else None


def decoded(data: bytes) -> str:
    """Decode text by its mark, else as UTF-16 if it looks so.

    Else each line is UTF-8 or, if it is not valid, cp1252: programs append to each other's files.
    """
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    # No byte order mark: in UTF-16, half of the bytes of Latin letters are zero.
    odd, even = data[1::2].count(0), data[0::2].count(0)
    if max(odd, even) > len(data) // 5:
        return data.decode("utf-16-le" if odd > even else "utf-16-be", "replace")
    lines = data.removeprefix(codecs.BOM_UTF8).splitlines(keepends=True)
    return "".join(map(_decoded_line, lines))


def _decoded_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")
