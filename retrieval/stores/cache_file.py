"""The file format of the stores here: the parts of the body, then a trailer.

The trailer is JSON (the `StoreHeader`, and where each part begins), its length (8 bytes,
little-endian) and the store's magic (8 bytes). One rename publishes all of it together, and the
parts can be mapped into memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from retrieval.stores import StoreHeader
from retrieval.whole_file import whole_file

Part = NDArray[np.uint8]

_MAGIC_BYTES = 8
_TAIL = 8 + _MAGIC_BYTES


def write_parts(
    path: str, magic: bytes, header: StoreHeader, parts: Sequence[Callable[[BinaryIO], object]]
) -> None:
    """Write a file atomically; each of `parts` writes one part of the body. Raises OSError."""
    with whole_file(path) as file:
        begins = []
        for write in parts:
            begins.append(file.tell())
            write(file)
        trailer = json.dumps({"header": asdict(header), "parts": [*begins, file.tell()]}).encode()
        file.write(trailer + len(trailer).to_bytes(8, "little") + magic)


def map_parts(path: str, magic: bytes) -> tuple[StoreHeader, list[Part]] | None:
    """Map a file; return its header and parts.

    None when the file is missing, is cut short or has another magic.
    """
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(end - _TAIL, 0))
            tail = file.read()
            if len(tail) != _TAIL or not tail.endswith(magic):
                return None
            length = int.from_bytes(tail[:8], "little")
            if length > end - _TAIL:
                return None
            body = end - _TAIL - length
            file.seek(body)
            trailer = json.loads(file.read(length))
            if trailer["parts"][-1] != body:
                return None  # the beginning is missing
            slices = [slice(*bounds) for bounds in pairwise(trailer["parts"])]
            mapped = np.memmap(file, np.uint8, mode="r")
            return StoreHeader(**trailer["header"]), [np.asarray(mapped[part]) for part in slices]
    except (OSError, ValueError, TypeError, KeyError):
        return None
