"""Reads the .txt, .xmp and .json files beside pictures; treats their content as untrusted."""

from __future__ import annotations

import os
import stat
from typing import IO

from retrieval.catalogue import SIDECAR, XMP
from retrieval.catalogue.sidecars import SidecarTold
from retrieval.images import is_json
from retrieval.images.decoding import open_file
from retrieval.images.plain_text import text_of
from retrieval.images.xmp import MOST_BYTES, read_xmp
from retrieval.texts.takeout import read_takeout

_MAX_TEXT_BYTES = 64 * 1024
"""Larger text files are not descriptions but logs or data sets, and are not read."""


def read_sidecar(path: str) -> SidecarTold | None:
    """Return what a sidecar file says; its text is "" when there is none of use.

    None when the file cannot be read now; a later run tries again.
    """
    try:
        with open_file(path) as file:
            data = _content(file, _most_bytes(path))
    except OSError:
        return None
    return sidecar_of(path, data or b"")


def sidecar_of(name: str, data: bytes) -> SidecarTold:
    """Return what a sidecar's content says: see `read_sidecar`."""
    if len(data) > _most_bytes(name):
        data = b""
    if name.lower().endswith(".xmp"):
        told = read_xmp(data)
        return SidecarTold(XMP, "\n".join(told.lines), told.facts)
    if is_json(name):
        return read_takeout(data)
    return SidecarTold(SIDECAR, text_of(data))


def _most_bytes(name: str) -> int:
    return MOST_BYTES if name.lower().endswith(".xmp") else _MAX_TEXT_BYTES


def _content(file: IO[bytes], most: int) -> bytes | None:
    """Return the content of a file; None when it is too large or not a regular file."""
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size > most:
        return None
    data = file.read(most + 1)
    return data if len(data) <= most else None
