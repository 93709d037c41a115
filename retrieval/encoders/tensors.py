"""Memory-mapped arrays of a safetensors file, without the safetensors library.

Layout: eight bytes with the length of the header (little-endian), the header (JSON: for each name
a type, a shape and the offsets of its first byte and its end), then the bytes of all arrays.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "|u1"}
_LENGTH = 8


class Tensors(Mapping[str, NDArray[Any]]):
    """Arrays by name. Raises ValueError for a damaged file and for unknown types."""

    def __init__(self, path: str) -> None:
        size = os.path.getsize(path)
        if size < _LENGTH:
            raise ValueError(f"{path} is too short")
        self._bytes: NDArray[np.uint8] = np.memmap(path, np.uint8, mode="r")
        length = int.from_bytes(self._bytes[:_LENGTH].tobytes(), "little")
        self._start = _LENGTH + length
        if self._start > size:
            raise ValueError(f"{path} is truncated")
        header = json.loads(self._bytes[_LENGTH : self._start].tobytes())
        self._facts: dict[str, Any] = {k: v for k, v in header.items() if k != "__metadata__"}

    def __getitem__(self, name: str) -> NDArray[Any]:
        facts = self._facts[name]
        begin, end = facts["data_offsets"]
        dtype = np.dtype(_TYPES.get(facts["dtype"], "V"))
        expected = math.prod(facts["shape"]) * dtype.itemsize
        held = self._bytes[self._start + begin : self._start + end]
        if dtype.kind == "V" or not 0 <= begin <= end or not len(held) == end - begin == expected:
            raise ValueError(f"the array {name} is damaged or has an unknown type")
        return held.view(dtype).reshape(facts["shape"])

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)
