"""Canon's CR3: nested boxes, as in MP4, with metadata in small TIFFs and several JPEGs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Literal

from retrieval.images.exif import facts_of
from retrieval.images.raw import RawFile, Span, largest
from retrieval.images.raw.cameras import orientation
from retrieval.images.raw.tiff import Directory, Source, read_directory

_MAX_BOXES = 512
_PREVIEW_WITHIN = 64
"""The JPEG in a preview box begins within this many bytes; the offset varies by version."""

_JPEG = b"\xff\xd8\xff"
_ORDERS: dict[bytes, Literal["<", ">"]] = {b"II*\0": "<", b"MM\0*": ">"}
_UUID_BYTES = 16
# Boxes that contain boxes, and how many bytes come before the first. Canon keeps metadata and
# previews in `uuid` boxes; those of other makers contain no known box.
_CONTAINERS = {b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"uuid": _UUID_BYTES}
_PREVIEW_UUID = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")
_PREVIEW_UUID_SKIPS = 8


@dataclass(frozen=True, slots=True)
class _Box:
    """A box's type and the place of its content."""

    kind: bytes
    start: int
    length: int


def is_cr3(head: bytes) -> bool:
    """Tell from the first bytes whether a file is a CR3."""
    return head[4:12] == b"ftypcrx "


def read_cr3(file: IO[bytes], size: int) -> RawFile:
    """Read a CR3 file of `size` bytes."""
    boxes = list(_boxes(Source(file, 0, size, ">")))
    first, exif, gps = (_directory(file, boxes, kind) for kind in (b"CMT1", b"CMT2", b"CMT4"))
    places = [*_previews(file, boxes), *_samples(Source(file, 0, size, ">"), boxes)]
    preview = largest(file, places, size)
    return RawFile("CR3", orientation(first), facts_of(first, exif, gps), preview)


def _boxes(source: Source) -> Iterator[_Box]:
    """Yield the boxes in file order, a container before its content."""
    waiting = [(0, source.length)]
    for _ in range(_MAX_BOXES):
        while waiting and waiting[-1][1] - waiting[-1][0] < 8:
            waiting.pop()
        if not waiting:
            return
        at, end = waiting.pop()
        box = _box(source, at, end)
        if box is None:
            continue  # the enclosing box may have further boxes
        waiting.append((box.start + box.length, end))
        yield box
        if box.kind in _CONTAINERS:
            skip = _CONTAINERS[box.kind]
            if box.kind == b"uuid" and source.read(box.start, _UUID_BYTES) == _PREVIEW_UUID:
                skip += _PREVIEW_UUID_SKIPS
            waiting.append((box.start + skip, box.start + box.length))


def _box(source: Source, at: int, end: int) -> _Box | None:
    head = source.read(at, 16)
    if len(head) < 8:
        return None
    length, header = int.from_bytes(head[:4], "big"), 8
    if length == 1:
        length, header = int.from_bytes(head[8:16], "big"), 16
    elif length == 0:
        length = end - at
    if length < header or at + length > end:
        return None
    return _Box(head[4:8], at + header, length - header)


def _directory(file: IO[bytes], boxes: list[_Box], kind: bytes) -> Directory:
    """Return the first directory of the TIFF in a box of this type; empty if there is none."""
    for box in boxes:
        if box.kind == kind:
            file.seek(box.start)
            order = _ORDERS.get(file.read(4))
            if order:
                source = Source(file, box.start, box.length, order)
                return read_directory(source, source.number(4, "I") or 0)
    return Directory(Source(file, 0, 0, ">"), {})


def _previews(file: IO[bytes], boxes: list[_Box]) -> Iterator[Span]:
    for box in boxes:
        if box.kind in (b"THMB", b"PRVW"):
            file.seek(box.start)
            at = file.read(min(box.length, _PREVIEW_WITHIN)).find(_JPEG)
            if at >= 0:
                yield Span(box.start + at, box.length - at)


def _samples(source: Source, boxes: list[_Box]) -> Iterator[Span]:
    """Yield the place of each track's first sample; one of them is the full-size JPEG.

    Each track has one box of sizes (stsz), followed by one box of offsets (co64 or stco).
    """
    length = 0
    for box in boxes:
        if box.kind == b"stsz":
            fixed, first = source.number(box.start + 4, "I"), source.number(box.start + 12, "I")
            length = fixed or first or 0
        elif box.kind == b"stco" and length:
            yield Span(source.number(box.start + 8, "I") or 0, length)
        elif box.kind == b"co64" and length:
            raw = source.read(box.start + 8, 8)
            if len(raw) == 8:
                yield Span(struct.unpack(">Q", raw)[0], length)
