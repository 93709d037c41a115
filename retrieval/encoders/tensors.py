"""Memory-mapped arrays of a safetensors file, without the safetensors library.

Layout: eight bytes with the length of the header (little-endian), the header (JSON: for each name
a type, a shape and the offsets of its first byte and its end), then the bytes of all arrays.
"""

from __future__ import annotations

import json
import math
import operator
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
        if not isinstance(header, dict):
            raise ValueError(f"{path} has no header")  # noqa: TRY004 - content, not a type error
        self._facts: dict[str, Any] = {k: v for k, v in header.items() if k != "__metadata__"}

    def __getitem__(self, name: str) -> NDArray[Any]:
        facts = self._facts[name]
        try:
            begin, end = map(operator.index, facts["data_offsets"])
            shape = tuple(map(operator.index, facts["shape"]))
            dtype = np.dtype(_TYPES[facts["dtype"]])
        except (TypeError, ValueError, LookupError) as error:
            raise _damaged(name) from error
        expected = math.prod(shape) * dtype.itemsize
        held = self._bytes[self._start + begin : self._start + end]
        if min((0, *shape)) < 0 or begin < 0 or not len(held) == end - begin == expected:
            raise _damaged(name)
        return held.view(dtype).reshape(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)


def _damaged(name: str) -> ValueError:
    return ValueError(f"the array {name} is damaged or has an unknown type")
