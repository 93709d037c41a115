"""Camera raw files: the embedded JPEG preview is read; sensor data is not decoded.

    header → maker's format → possible places of previews → the largest valid JPEG

The readers trust no file: they check every offset and count against the file's length and a limit,
visit each directory once, and accept a place only if a JPEG begins there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

from retrieval.images.jpeg import read_header
from retrieval.query.fields import Facts


@dataclass(frozen=True, slots=True)
class Span:
    """A range of bytes in a file."""

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
    """The header of a raw file.

    `format` is the usual extension of its kind ("NEF"), or "RAW"; `orientation` is EXIF's (1:
    upright). `facts` is the EXIF metadata; `preview` is the largest preview, if there is one.
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
