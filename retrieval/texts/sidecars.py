"""Reads the .txt, .xmp and .json files beside pictures; treats their content as untrusted."""

from __future__ import annotations

import os
import stat
from typing import IO

from retrieval.catalogue import SIDECAR, XMP
from retrieval.images import is_json
from retrieval.images.decoding import open_file
from retrieval.images.plain_text import text_of
from retrieval.images.xmp import MOST_BYTES, read_xmp, xmp_facts
from retrieval.query.fields import Facts
from retrieval.texts.takeout import read_takeout

_MAX_TEXT_BYTES = 64 * 1024
"""Larger text files are not descriptions but logs or data sets, and are not read."""


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


def _content(file: IO[bytes], most: int) -> bytes | None:
    """Return the content of a file; None when it is too large or not a regular file."""
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size > most:
        return None
    data = file.read(most + 1)
    return data if len(data) <= most else None
