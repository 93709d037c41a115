"""Mapped vectors that were looked at do not stay in the memory of the process for ever.

The system maps the pages around each one that is looked at, 64 KiB together, so a few thousand
questions would make a process as large as its file. The pages stay in the system's cache of files,
from where the next look takes them.
"""

from __future__ import annotations

import mmap

import numpy as np
from numpy.typing import NDArray

_AROUND = 65_536  # bytes

_MOST = 2**31
"""About so many bytes may stay. With half as many, a question over ten million rows has to map more
of them again, and took half as long again."""


class Residency:
    """Counts the rows that are looked at in mapped bytes, and unmaps them now and then."""

    def __init__(self, mapped: NDArray[np.uint8]) -> None:
        """Take the bytes, of a file or in memory."""
        self._mapped = mapped
        self._map = _map_under(mapped) if len(mapped) > _MOST else None
        self._bytes = 0

    def looked_at(self, rows: int) -> None:
        """Note that so many rows were looked at."""
        self._bytes += rows * _AROUND
        if self._map is None or self._bytes < _MOST or not hasattr(mmap, "MADV_DONTNEED"):
            return
        self._bytes = 0
        whole = np.frombuffer(self._map, np.uint8)
        begin = self._mapped.ctypes.data - whole.ctypes.data
        first = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE
        last = (begin + len(self._mapped)) // mmap.PAGESIZE * mmap.PAGESIZE
        if first < last:
            self._map.madvise(mmap.MADV_DONTNEED, first, last - first)


def _map_under(mapped: NDArray[np.uint8]) -> mmap.mmap | None:
    """Return the file's map that an array shows a part of, None for other arrays."""
    base: object = mapped
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
