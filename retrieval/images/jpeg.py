"""A bounded reader of JPEG structure: the size, how decoding proceeds, and the number of scans."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import IO

_START = b"\xff\xd8"
_SCAN = 0xDA
# C4, C8 and CC are in the range of the frame markers but mean something else.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL, _PROGRESSIVE = frozenset({0xC0, 0xC1}), 0xC2
# Metadata comes in segments of 64 KB; a picture with an embedded video has hundreds.
_MAX_SEGMENTS = 4096

USUAL_SCANS = 100
"""Programs write up to a few dozen scans; a decoder passes over the whole picture in each."""

_MOST_BYTES = 64 * 2**20
_SCAN_MARKER, _END = b"\xff\xda", b"\xd9"
# Not a stuffed byte, and not a restart within a scan.
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """The header of a JPEG; `width` and `height` are in pixels, as stored.

    `buffered`: the scans are progressive, or hold one colour each. A decoder then keeps the
    coefficients of the whole picture in memory, even when it scales down.
    """

    width: int
    height: int
    buffered: bool


def read_header(file: IO[bytes], start: int = 0) -> JpegHeader | None:
    """Read the header of the JPEG that begins at `start`; None if there is no supported one.

    Lossless JPEG (sensor data in raw files) and more than 8 bits per sample are unsupported.
    Errors of the file (OSError) reach the caller.
    """
    file.seek(start)
    if file.read(2) != _START:
        return None
    at = start + 2
    frame: tuple[int, int, int] | None = None
    progressive = False
    for _ in range(_MAX_SEGMENTS):
        file.seek(at)
        head = file.read(10)
        if len(head) < 5 or head[0] != 0xFF:
            return None
        marker = head[1]
        if marker == 0xFF:  # a fill byte; any number may come before a marker
            at += 1
            continue
        if marker in _FRAMES:
            frame = _frame(head)
            progressive = marker == _PROGRESSIVE
            if frame is None:
                return None
        elif marker == _SCAN:
            if frame is None:
                return None
            width, height, components = frame
            return JpegHeader(width, height, progressive or head[4] < components)
        length = int.from_bytes(head[2:4], "big")
        if length < 2:
            return None
        at += 2 + length
    return None


def count_scans(file: IO[bytes]) -> int:
    """Count the scans of the JPEG at the beginning of a file, in its first 64 MiB."""
    file.seek(0)
    data = file.read(_MOST_BYTES)
    found = data.count(_SCAN_MARKER)
    if found <= USUAL_SCANS:  # metadata may hold this marker, too
        return found
    scans, at = 0, len(_START)
    while marker := _MARKER.search(data, at):
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
        if marker[1] == _END:
            break
        scans += marker[1] == _SCAN_MARKER[1:]
    return scans


def _frame(head: bytes) -> tuple[int, int, int] | None:
    """Return width, height and number of components from a frame's marker segment."""
    if len(head) < 10 or head[1] not in _SEQUENTIAL | {_PROGRESSIVE} or head[4] != 8:
        return None
    height, width = int.from_bytes(head[5:7], "big"), int.from_bytes(head[7:9], "big")
    return (width, height, head[9]) if width and height and head[9] in (1, 3, 4) else None
