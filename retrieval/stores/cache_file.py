"""The file of a cached store: the parts of its body, then what it was made from.

The trailer is JSON (a `CacheHeader`, and where each part begins), its length (8 bytes,
little-endian) and a magic. One rename publishes parts and header together, and the file can be
mapped into memory rather than read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import BinaryIO

from retrieval.whole_file import whole_file

_MAGIC = b"PIXFLAT2"
_TAIL = 8 + len(_MAGIC)


@dataclass(frozen=True, slots=True)
class CacheHeader:
    """What a cache file was made from; anything that does not match means: build it anew."""

    fingerprint: str
    dim: int
    generation: int
    stamp: str
    count: int
    last_id: int


def write_cache(
    path: str, header: CacheHeader, parts: Sequence[Callable[[BinaryIO], None]]
) -> None:
    """Publish a file atomically: readers see the old one or the new."""
    with whole_file(path) as file:
        begins = []
        for write in parts:
            begins.append(file.tell())
            write(file)
        trailer = json.dumps({"header": asdict(header), "parts": [*begins, file.tell()]}).encode()
        file.write(trailer + len(trailer).to_bytes(8, "little") + _MAGIC)


def read_header(path: str) -> CacheHeader | None:
    """Return a cache file's header, or None when there is no whole file."""
    found = read_trailer(path)
    return found and found[0]


def read_trailer(path: str) -> tuple[CacheHeader, list[slice]] | None:
    """Return the header and the bytes of each part, or None when there is no whole file."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(end - _TAIL, 0))
            tail = file.read()
            if len(tail) != _TAIL or not tail.endswith(_MAGIC):
                return None
            length = int.from_bytes(tail[:8], "little")
            if length > end - _TAIL:
                return None
            file.seek(end - _TAIL - length)
            trailer = json.loads(file.read(length))
            parts = [slice(*bounds) for bounds in pairwise(trailer["parts"])]
            return CacheHeader(**trailer["header"]), parts
    except (OSError, ValueError, TypeError, KeyError):
        return None
