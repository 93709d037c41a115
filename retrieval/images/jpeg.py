"""The header of a JPEG: its size, and whether a decoder has to hold all of it. No bytes hang it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

_START = b"\xff\xd8"
_SCAN = 0xDA
# C4, C8 and CC lie among the frame markers and are something else.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL, _PROGRESSIVE = frozenset({0xC0, 0xC1}), 0xC2
# Metadata is cut into segments of 64 KB; a picture with a film inside has some hundreds.
_MAX_SEGMENTS = 4096


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What a JPEG says of itself; `width` and `height` are as stored, in pixels.

    `buffered`: its scans are progressive, or hold one colour each, so a decoder keeps the
    coefficients of the whole picture, however small it is to come out.
    """

    width: int
    height: int
    buffered: bool


def read_header(file: IO[bytes], start: int = 0) -> JpegHeader | None:
    """Read the header of the JPEG that begins at `start`; None when no usable one does.

    Lossless JPEG, which raw files hold their sensor's data in, is not usable, nor are more than
    8 bits. What the disk raises is raised.
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
        if marker == 0xFF:  # one of any number of fill bytes
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


def _frame(head: bytes) -> tuple[int, int, int] | None:
    """Width, height and number of components from a frame's marker segment."""
    if len(head) < 10 or head[1] not in _SEQUENTIAL | {_PROGRESSIVE} or head[4] != 8:
        return None
    height, width = int.from_bytes(head[5:7], "big"), int.from_bytes(head[7:9], "big")
    return (width, height, head[9]) if width and height and head[9] in (1, 3, 4) else None
