"""The file of a cached store: a body that FAISS reads, then what it was made from.

The trailer is a JSON `CacheHeader`, its length (8 bytes, little-endian) and a magic. FAISS reads
from the front and ignores what follows, so one rename publishes index and header together, and
the file can be mapped into memory rather than read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import BinaryIO

from retrieval.whole_file import whole_file

_MAGIC = b"PIXFLAT1"
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


def write_cache(path: str, header: CacheHeader, write_body: Callable[[BinaryIO], None]) -> None:
    """Publish a file atomically: readers see the old one or the new."""
    with whole_file(path) as file:
        write_body(file)
        trailer = json.dumps(asdict(header)).encode()
        file.write(trailer + len(trailer).to_bytes(8, "little") + _MAGIC)


def read_header(path: str) -> CacheHeader | None:
    """Return a cache file's header, or None when there is no whole file."""
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
            return CacheHeader(**json.loads(file.read(length)))
    except (OSError, ValueError, TypeError):
        return None
