"""Raw formats based on TIFF: DNG, NEF, CR2, ARW, ORF, RW2, PEF, SRW and similar ones.

A file is raw if it has a raw format's own signature or contains sensor data; otherwise it is an
ordinary TIFF. The camera's make is no criterion, because a TIFF exported from a raw file keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Literal

from retrieval.images.exif import facts_of
from retrieval.images.raw import RawFile, Span, largest
from retrieval.images.raw.makers import maker_places
from retrieval.images.raw.tiff import Directory, Source, all_directories

_COMPRESSION, _PHOTOMETRIC, _MAKE, _STRIPS, _ORIENTATION = 0x0103, 0x0106, 0x010F, 0x0111, 0x0112
_STRIP_LENGTHS, _JPEG_START, _JPEG_LENGTH = 0x0117, 0x0201, 0x0202
_PANASONIC_JPEGS = (0x002E, 0x0127)
_DNG_VERSION, _CFA_PATTERN = 0xC612, 0x828E
_EXIF, _GPS = 0x8769, 0x8825
_JPEG_COMPRESSIONS = (6, 7)
_SENSOR_DATA = (32803, 34892)  # colour filter array, linear raw
_FORMAT_OF_MAKE = {
    "nikon": "NEF",
    "sony": "ARW",
    "pentax": "PEF",
    "ricoh": "PEF",
    "samsung": "SRW",
    "olympus": "ORF",
    "panasonic": "RW2",
    "canon": "CR2",
}


@dataclass(frozen=True, slots=True)
class _Signature:
    """The meaning of a file's first bytes; `format` is "" for those of plain TIFF."""

    order: Literal["<", ">"]
    format: str


_SIGNATURES = {
    b"II*\0": _Signature("<", ""),
    b"MM\0*": _Signature(">", ""),
    b"IIRO": _Signature("<", "ORF"),
    b"IIRS": _Signature("<", "ORF"),
    b"MMOR": _Signature(">", "ORF"),
    b"IIU\0": _Signature("<", "RW2"),
}
_CR2_MARK = b"CR"


def read_tiff_raw(file: IO[bytes], head: bytes, size: int) -> RawFile | None:
    """Read a file of `size` bytes that begins with `head`; None if it is not raw."""
    signature = _SIGNATURES.get(head[:4])
    if signature is None:
        return None
    source = Source(file, 0, size, signature.order)
    directories = list(all_directories(source, source.number(4, "I") or 0))
    kind = signature.format or ("CR2" if head[8:10] == _CR2_MARK else "")
    if not directories or not (kind or any(map(_holds_sensor_data, directories))):
        return None
    exif = directories[0].below(_EXIF)
    return RawFile(
        format=kind or _format(directories[0]),
        orientation=orientation(directories[0]),
        facts=facts_of(directories[0], exif, directories[0].below(_GPS)),
        preview=largest(file, [*_places(directories), *maker_places(exif)], size),
    )


def has_raw_signature(head: bytes) -> bool:
    """Tell whether the first bytes prove a raw file; most raw files begin like a TIFF."""
    signature = _SIGNATURES.get(head[:4])
    return signature is not None and bool(signature.format)


def orientation(first: Directory) -> int:
    """Return the EXIF orientation; 1 (upright) if there is none."""
    value = first.number(_ORIENTATION)
    return value if value is not None and 1 <= value <= 8 else 1


def _holds_sensor_data(directory: Directory) -> bool:
    photometric = directory.number(_PHOTOMETRIC)
    if photometric is None:  # Samsung omits it
        return _CFA_PATTERN in directory
    return photometric in _SENSOR_DATA


def _format(first: Directory) -> str:
    if _DNG_VERSION in first:
        return "DNG"
    make = first.text(_MAKE).lower()
    named = (name for start, name in _FORMAT_OF_MAKE.items() if make.startswith(start))
    return next(named, "RAW")


def _places(directories: Sequence[Directory]) -> Iterator[Span]:
    """Yield the places of JPEGs in the directories, except sensor data."""
    for directory in directories:
        start, length = directory.number(_JPEG_START), directory.number(_JPEG_LENGTH)
        if start and length:
            yield Span(start, length)
        for tag in _PANASONIC_JPEGS:
            span = directory.span(tag)
            if span is not None:
                yield span
        start, length = directory.number(_STRIPS), directory.number(_STRIP_LENGTHS)
        is_jpeg = directory.number(_COMPRESSION) in _JPEG_COMPRESSIONS
        if start and length and is_jpeg and not _holds_sensor_data(directory):
            yield Span(start, length)
