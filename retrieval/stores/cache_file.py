"""The file format of the stores here: the parts of the body, then a trailer.

The trailer is JSON: the `StoreHeader`, where each part begins, how long its head is, and a CRC-32
of each block of the body (1 MiB). The BLAKE2b digest of the trailer (16 bytes), its length (8
bytes, little-endian) and the store's magic (8 bytes) follow. One rename publishes all of it
together, and the parts can be mapped into memory.

What `map_parts` checks before anybody parses a part:

- at every load: the trailer against its digest, all lengths, and the head and the ids of each part.
  So what FAISS says about dimensions and sizes is never read unchecked.
- all blocks, at every load of a file up to 64 MB; of a larger file at the first load and whenever
  its size, time or inode is another than at the last check. `PATH.checked` remembers that.

So whatever writes to the file is noticed. What a disk changes in a large file without a write is
noticed in the blocks above, and in the others after `forget_check`, which `LiveIndex.verify` calls.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from retrieval.stores import StoreHeader
from retrieval.whole_file import open_regular, require_inside, whole_file

Part = NDArray[np.uint8]

_MAGIC_BYTES, _DIGEST_BYTES, _LENGTH_BYTES = 8, 16, 8
_TAIL = _DIGEST_BYTES + _LENGTH_BYTES + _MAGIC_BYTES
_BLOCK = 1 << 20
_LONGEST_TRAILER = 1 << 24  # bytes, enough for a body of a terabyte
ID_BYTES = 8
"""The size of a stored id."""

_SMALL = 64_000_000
"""Up to this many bytes, a body is checked at every load: that takes milliseconds."""

_CHECKED = ".checked"
_TICK_NS = 50_000_000  # two changes within this time may leave a file with the same times


@dataclass(frozen=True, slots=True)
class CacheKey:
    """Which file holds the cache, and which model it must be of."""

    path: str
    fingerprint: str
    dim: int

    def require_own(self) -> None:
        """Raise OSError if a link leads from the cache out of the library's folder."""
        folder = os.path.dirname(self.path)
        require_inside(os.path.dirname(folder), self.path)

    def is_own(self) -> bool:
        """Tell whether the cache is in the library's folder, rather than behind a link."""
        try:
            self.require_own()
        except OSError:
            return False
        return True


class BodyWriter:
    """Writes the body of a file; keeps a CRC-32 of each block."""

    def __init__(self, write: Callable[[bytes | memoryview], object]) -> None:
        """Pass everything on to `write`."""
        self._write = write
        self._crcs = [0]
        self.size = 0  # bytes written so far

    def write(self, data: bytes | memoryview) -> None:
        """Write bytes, or a view of bytes. Raises OSError."""
        self._write(data)
        rest = memoryview(data)
        while rest:
            head, rest = rest[: _BLOCK - self.size % _BLOCK], rest[_BLOCK - self.size % _BLOCK :]
            self._crcs[-1] = zlib.crc32(head, self._crcs[-1])
            self.size += len(head)
            if self.size % _BLOCK == 0:
                self._crcs.append(0)

    def crcs(self) -> list[int]:
        """Return the CRC-32 of each block; the last one may be short."""
        return self._crcs if self.size % _BLOCK else self._crcs[:-1]


def write_parts(
    path: str, magic: bytes, header: StoreHeader, parts: Sequence[Callable[[BodyWriter], int]]
) -> None:
    """Write a file atomically. Raises OSError.

    Each of `parts` writes one part of the body and returns the length of its head: the bytes that
    tell how long the rest is.
    """
    with whole_file(path) as file:
        body, bounds, heads = BodyWriter(file.write), [0], []
        for write in parts:
            heads.append(write(body))
            bounds.append(body.size)
        end_file(file, magic, header, bounds, heads, body.crcs())


def end_file(
    file: BinaryIO,
    magic: bytes,
    header: StoreHeader,
    bounds: list[int],
    heads: list[int],
    crcs: list[int],
) -> None:
    """Write what follows the body. Raises OSError.

    `bounds` are where each part begins, and the end; `heads` and `crcs` as in `write_parts`.
    """
    facts = {"header": asdict(header), "parts": bounds, "heads": heads, "blocks": crcs}
    trailer = json.dumps(facts).encode()
    length = len(trailer).to_bytes(_LENGTH_BYTES, "little")
    file.write(trailer + _digest(trailer) + length + magic)


def map_parts(path: str, magic: bytes) -> tuple[StoreHeader, list[Part]] | None:
    """Map a file; return its header and parts.

    None when the file is missing, is cut short, has another magic, or differs from its digests.
    """
    try:
        with open_regular(path) as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(end - _TAIL, 0))
            tail = file.read()
            if len(tail) != _TAIL or not tail.endswith(magic):
                return None
            length = int.from_bytes(tail[_DIGEST_BYTES:-_MAGIC_BYTES], "little")
            if length > min(end - _TAIL, _LONGEST_TRAILER):
                return None
            size = end - _TAIL - length
            file.seek(size)
            trailer = file.read(length)
            if _digest(trailer) != tail[:_DIGEST_BYTES]:
                return None
            facts = json.loads(trailer)
            header, bounds, crcs = StoreHeader(**facts["header"]), facts["parts"], facts["blocks"]
            if len(bounds) < 2 or bounds[-1] != size:
                return None  # the beginning is missing
            before = os.fstat(file.fileno())
            body = _Blocks(file, size, crcs)
            if not body.intact(_always(bounds, facts["heads"], header.count)):
                return None
            if size > _SMALL and not _was_checked(path, before):
                if not body.intact(range(len(crcs))):
                    return None
                _remember_check(path, before)
            elif size <= _SMALL and not body.intact(range(len(crcs))):
                return None
            mapped = np.asarray(np.memmap(file, np.uint8, mode="r"))
            return header, [mapped[slice(*part)] for part in pairwise(bounds)]
    except (OSError, ValueError, TypeError, LookupError):
        return None


def forget_check(path: str) -> None:
    """Make the next load of a file check all of it."""
    with suppress(OSError):
        os.unlink(path + _CHECKED)


def _digest(trailer: bytes) -> bytes:
    return blake2b(trailer, digest_size=_DIGEST_BYTES).digest()


def _always(bounds: list[int], heads: list[int], count: int) -> list[int]:
    """Return the blocks with the head of each part, and with ids and their number at its end.

    FAISS writes the ids last, and their number before them.
    """
    blocks: set[int] = set()
    for (begin, end), head in zip(pairwise(bounds), heads, strict=True):
        if begin < end:
            ids = max(begin, end - ID_BYTES * (count + 1))
            for first, last in ((begin, begin + max(head, 1)), (ids, end)):
                blocks |= set(range(first // _BLOCK, (last - 1) // _BLOCK + 1))
    return sorted(blocks)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The body of a file, read rather than mapped: a process that checks it does not grow by it."""

    file: BinaryIO
    size: int
    crcs: list[int]

    def intact(self, blocks: Iterable[int]) -> bool:
        """Tell whether these blocks have their CRC-32."""
        return all(zlib.crc32(self._block(at)) == self.crcs[at] for at in blocks)

    def _block(self, at: int) -> bytes:
        self.file.seek(at * _BLOCK)
        return self.file.read(min(_BLOCK, self.size - at * _BLOCK))


def _state(stat: os.stat_result) -> list[int]:
    """Return what becomes another when a file is written to or replaced."""
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _was_checked(path: str, stat: os.stat_result) -> bool:
    """Tell whether the file was checked in the state that it is in."""
    try:
        with open_regular(path + _CHECKED) as file:
            return bool(json.load(file) == _state(stat))
    except (OSError, ValueError):
        return False


def _remember_check(path: str, before: os.stat_result) -> None:
    """Record the state that a file had before it was checked.

    Not for a file that was written just now: a second write might leave the same times.
    """
    if time.time_ns() - max(before.st_mtime_ns, before.st_ctime_ns) < _TICK_NS:
        return
    # A folder that cannot be written: every load checks the file.
    with suppress(OSError), whole_file(path + _CHECKED) as file:
        file.write(json.dumps(_state(before)).encode())
