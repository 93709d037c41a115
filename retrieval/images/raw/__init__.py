"""Camera raw files, through the JPEG that the camera put inside: no sensor data is decoded.

    header → whose raw file → places where previews may be → the largest that is a JPEG

Nothing of a file is trusted: every offset and count is checked against the file's length and a
limit, directories are visited once, and a place counts only if a JPEG begins there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

from retrieval.images.jpeg import read_header
from retrieval.query.fields import Facts


@dataclass(frozen=True, slots=True)
class Span:
    """A run of bytes in a file."""

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Preview:
    """An embedded JPEG; `width` and `height` are in pixels, as stored."""

    span: Span
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class RawFile:
    """What a raw file says of itself.

    `format` is the usual ending of its kind ("NEF"), or "RAW"; `orientation` EXIF's (1: upright).
    `facts` is what EXIF says; `preview` is the largest one.
    """

    format: str
    orientation: int
    facts: Facts
    preview: Preview | None


def largest(file: IO[bytes], places: Iterable[Span], size: int) -> Preview | None:
    """Return the largest JPEG that begins at one of the places, in a file of `size` bytes."""
    found = []
    for span in sorted(set(places), key=lambda span: (span.start, span.length)):
        if 0 < span.start < size and span.length > 0:
            header = read_header(file, span.start)
            if header is not None:
                found.append(Preview(span, header.width, header.height))
    return max(found, key=lambda preview: preview.width * preview.height, default=None)
