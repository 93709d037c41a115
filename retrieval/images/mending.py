"""Streams of pictures whose pixels are whole although something beside them is damaged.

A JPEG without its end marker gets one. A PNG loses the ancillary chunks that Pillow refuses.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import IO

_MOST_BYTES = 256 * 2**20
"""Larger files are not mended, because the mended copy is in memory."""

_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END = 0xDA, 0xD9
_MOST_SEGMENTS = 4096
_PADDING = bytes(512)

_PNG_START = b"\x89PNG\r\n\x1a\n"
_TRANSPARENCY = b"tRNS"
_TRANSPARENT = {b"\0": (2,), b"\2": (6,), b"\3": range(1, 257)}
"""The lengths that a transparency may have, by the kind of colours: grey, RGB, palette."""
_USEFUL = frozenset((b"tEXt", b"zTXt", b"iTXt", b"eXIf"))
_MOST_CHUNKS = 500_000
_MOST_METADATA = 4 * 2**20
_MOST_UNPACKED = 2**20  # PngImagePlugin.MAX_TEXT_CHUNK


def png_without_bad_metadata(file: IO[bytes]) -> BytesIO | None:
    """Return a PNG with only its pixels and its readable texts and EXIF; None for other files.

    It leaves out ancillary chunks with a wrong checksum, those that unpack to more than 1 MiB, and
    all kinds that Pixtrieve does not use; also a transparency of a wrong length. The critical
    chunks stay as they are.
    """
    data = _content(file, _PNG_START)
    if data is None:
        return None
    kept: list[bytes | memoryview] = [_PNG_START]
    metadata = 0
    colours = data[25:26]  # of the IHDR, which comes first
    for number, (kind, chunk) in enumerate(_chunks(data)):
        if number == _MOST_CHUNKS:
            return None
        is_critical = not kind[:1].islower()
        if kind == _TRANSPARENCY:
            if not _is_whole(chunk) or len(chunk) - 12 not in _TRANSPARENT.get(colours, ()):
                continue
        elif not is_critical:
            size = _readable_size(kind, chunk) if kind in _USEFUL else None
            if size is None or metadata + size > _MOST_METADATA:
                continue
            metadata += size
        kept.append(chunk)
    return BytesIO(b"".join(kept))


def jpeg_without_end(file: IO[bytes]) -> bytes | None:
    """Return the data of a JPEG that lacks its end marker.

    None for other files, when whole scans are missing, and when the data ends with a long row of
    zeros: an unfinished download looks like that, and a decoder takes the zeros for data.
    """
    data = _content(file, _JPEG_START)
    if data is None or data.endswith(_PADDING) or not _has_all_scans(data):
        return None
    return data.removesuffix(b"\xff")


def with_end(data: bytes, *, noisy: bool = False) -> BytesIO:
    """Return a JPEG's data with an end marker; `noisy`: with noise before the marker.

    A decoder does not use the noise if the picture's data is complete: then the pixels are the
    same. The noise changes the pixels of a picture that is cut short.
    """
    return BytesIO(data + (_noise() if noisy else b"") + _JPEG_END)


def _content(file: IO[bytes], start: bytes) -> bytes | None:
    file.seek(0)
    data = file.read(len(start))
    if data != start:
        return None
    data += file.read(_MOST_BYTES)
    return data if len(data) <= _MOST_BYTES else None


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the kind of each chunk and the whole chunk; the last one may be cut short."""
    view = memoryview(data)
    at = len(_PNG_START)
    while at < len(data):
        end = at + 12 + int.from_bytes(view[at : at + 4], "big")
        yield data[at + 4 : at + 8], view[at:end]
        at = end


def _is_whole(chunk: memoryview) -> bool:
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")


def _readable_size(kind: bytes, chunk: memoryview) -> int | None:
    """Return a chunk's size, unpacked; None for a wrong checksum or more than 1 MiB."""
    if not _is_whole(chunk) or len(chunk) > _MOST_UNPACKED:
        return None
    _, _, rest = bytes(chunk[8:-4]).partition(b"\0")  # after the keyword
    if kind == b"iTXt" and rest[:1] == b"\1":
        rest = rest[1:2] + rest[2:].split(b"\0", 2)[-1]  # no language, no translated keyword
    elif kind != b"zTXt":
        return len(chunk)
    unpacker = zlib.decompressobj()
    try:
        size = len(unpacker.decompress(rest[1:], _MOST_UNPACKED))
    except zlib.error:
        return None
    return size if unpacker.eof else None


def _has_all_scans(data: bytes) -> bool:
    """Tell whether a JPEG's scans cover all bits of all coefficients; their data may be cut."""
    missing: dict[int, set[int]] = {}
    at = 2
    for _ in range(_MOST_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            return bool(missing) and not any(missing.values())
        marker, start = found[1][0], found.end() + 2
        if marker == _END:
            return False  # it has its end; something else is wrong
        at = found.end() + int.from_bytes(data[found.end() : start], "big")
        segment = data[start:at]
        try:
            if marker in _FRAMES:
                missing = {segment[6 + 3 * n]: set(range(64)) for n in range(segment[5])}
            elif marker == _SCAN:
                end = 1 + 2 * segment[0]
                first, last, bits = segment[end : end + 3]
                if bits & 15 == 0:  # the lowest bit of these coefficients
                    for component in segment[1:end:2]:
                        missing[component].difference_update(range(first, last + 1))
        except (IndexError, KeyError, ValueError):
            return False
    return False


def _noise() -> bytes:
    """Return data that changes the pixels of any unfinished scan, with or without restarts."""
    piece = hashlib.shake_256(b"noise").digest(512).replace(b"\xff", b"\x7f")
    restarts = (b"\xff" + bytes((number,)) + piece for number in range(0xD0, 0xD8))
    return piece + b"".join(restarts) * 2
