"""The body of a store while it is built: a file that becomes the store's own, or memory.

Ten million vectors are more than many machines hold in memory, so they are written as they come,
and what is worked out of them reads them a page at a time. A build that ends early deletes its
file; that of a killed process is a stale temporary file (`whole_file.remove_stale`).
"""

from __future__ import annotations

import itertools
import os
import weakref
from contextlib import suppress
from functools import partial
from io import BytesIO
from itertools import accumulate
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from retrieval.stores import StoreHeader
from retrieval.stores.cache_file import BodyWriter, end_file, write_parts
from retrieval.vectors import STORED
from retrieval.whole_file import SUFFIX

_PAGE = 1 << 20  # bytes
_NUMBERS = itertools.count()


class Body:
    """Parts that are written one after the other, then mapped, then published."""

    def __init__(self, folder: str | None = None) -> None:
        """Begin an empty body: in a new file in a folder, or in memory.

        Raises OSError when there can be no file.
        """
        self._parts: list[Part] = []
        self._file: BinaryIO | None = None
        self._path = ""
        if folder is not None:
            self._path = os.path.join(folder, f"store.{os.getpid()}.{next(_NUMBERS)}{SUFFIX}")
            self._file = open(self._path, "x+b")  # noqa: SIM115 (as long as the store)
            weakref.finalize(self, _remove, self._file, self._path, os.getpid())

    def part(self) -> Part:
        """Begin a part. The one before it is complete then."""
        begin = sum(part.size for part in self._parts) if self._file else 0
        self._parts.append(Part(self._file or BytesIO(), begin))
        return self._parts[-1]

    def publish(self, path: str, magic: bytes, header: StoreHeader, heads: list[int]) -> None:
        """Make it a file as `cache_file.write_parts` does; `heads` are the lengths of the heads.

        A file of the same folder is not copied, but renamed. Raises OSError.
        """
        with suppress(OSError):
            if self._renamed(path, magic, header, heads):
                return
        copies = [partial(part.copy, head) for part, head in zip(self._parts, heads, strict=True)]
        write_parts(path, magic, header, copies)

    def _renamed(self, path: str, magic: bytes, header: StoreHeader, heads: list[int]) -> bool:
        here, there = os.path.dirname(self._path), os.path.dirname(path)
        if self._file is None or not os.path.exists(self._path) or here != there:
            return False
        body = BodyWriter(lambda _: None)
        for part in self._parts:
            part.copy(0, body)
        self._file.seek(body.size)
        bounds = [0, *accumulate(part.size for part in self._parts)]
        end_file(self._file, magic, header, bounds, heads, body.crcs())
        self._file.truncate()
        self._file.flush()
        os.fsync(self._file.fileno())
        os.replace(self._path, path)
        return True


class Part:
    """A part of a body."""

    def __init__(self, file: BinaryIO, begin: int) -> None:
        """Take the file and the place in it where the part begins."""
        self._file = file
        self._begin = begin
        self.size = 0  # bytes

    def append(self, data: bytes | NDArray[np.generic]) -> None:
        """Write at the end. Raises OSError."""
        self.put(self.size, data)

    def put(self, at: int, data: bytes | NDArray[np.generic]) -> None:
        """Write anywhere, also beyond the end. Raises OSError."""
        view = data if isinstance(data, bytes) else data.reshape(-1).view(np.uint8).data
        self._file.seek(self._begin + at)
        self._file.write(view)
        self.size = max(self.size, at + len(view))

    def read(self, at: int, size: int) -> bytes:
        """Return some bytes."""
        self._file.seek(self._begin + at)
        return self._file.read(size)

    def mapped(self) -> NDArray[np.uint8]:
        """Return all of it, of which only what is looked at is in memory if there is a file."""
        if isinstance(self._file, BytesIO):
            return np.frombuffer(self._file.getbuffer(), np.uint8)
        self._file.flush()
        return np.asarray(np.memmap(self._file, np.uint8, "r", self._begin, (self.size,)))

    def copy(self, head: int, file: BodyWriter) -> int:
        """Write all of it elsewhere, as one of the `parts` of `write_parts`; return `head`."""
        for at in range(0, self.size, _PAGE):
            file.write(self.read(at, min(_PAGE, self.size - at)))
        return head


class StoredRows:
    """Half floats (n, dim) in a part of a body, to be read a page at a time."""

    def __init__(self, part: Part, begin: int, count: int, dim: int) -> None:
        """Take the part and the place in it where the first row begins."""
        self._part = part
        self._begin = begin
        self._count = count
        self.dim = dim

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._count

    def read(self, begin: int, end: int) -> NDArray[np.float16]:
        """Return the rows from `begin` to before `end`, or to the last one."""
        end, size = min(end, self._count), self.dim * STORED.itemsize
        found = self._part.read(self._begin + begin * size, (end - begin) * size)
        return np.frombuffer(found, STORED).reshape(end - begin, self.dim)

    def every(self, step: int) -> NDArray[np.float16]:
        """Return the first row and each `step`-th after it."""
        if step == 1:
            return self.read(0, self._count)
        rows = np.empty((-(-self._count // step), self.dim), STORED)
        for number in range(len(rows)):
            rows[number] = self.read(number * step, number * step + 1)[0]
        return rows


def _remove(file: BinaryIO, path: str, process: int) -> None:
    """Delete a file that was not published; not in a process that was forked meanwhile."""
    with suppress(OSError):  # closing writes what is left, for which there may be no room
        file.close()
    if os.getpid() == process:
        with suppress(OSError):
            os.unlink(path)
