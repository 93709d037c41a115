"""Previews that only the maker notes refer to: Olympus and older Pentax cameras.

Maker notes are a directory after the maker's signature. Some makers count offsets from the start
of the notes, some from the start of the file. A wrong guess is harmless: a place where no JPEG
begins is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from retrieval.images.raw import Span
from retrieval.images.raw.tiff import Directory, read_directory

_MAKER_NOTE = 0x927C
_OLYMPUS_SETTINGS, _OLYMPUS_START, _OLYMPUS_LENGTH = 0x2020, 0x0101, 0x0102
_OLYMPUS_THUMBNAIL = 0x0100
_PENTAX_LENGTH, _PENTAX_START = 0x0003, 0x0004
_ORDERS: dict[bytes, Literal["<", ">"]] = {b"II": "<", b"MM": ">"}


@dataclass(frozen=True, slots=True)
class _Layout:
    """The layout of maker notes: the positions of the byte order mark and of the directory.

    `own_offsets`: offsets count from the start of the notes.
    """

    order_at: int
    directory_at: int
    own_offsets: bool


_LAYOUTS = {
    b"OLYMPUS\0": _Layout(8, 12, own_offsets=True),
    b"OM SYSTEM\0": _Layout(12, 16, own_offsets=True),
    b"OLYMP\0": _Layout(-1, 8, own_offsets=False),
    b"AOC\0": _Layout(4, 6, own_offsets=False),
    b"PENTAX \0": _Layout(8, 10, own_offsets=True),
}


def maker_places(exif: Directory) -> Iterator[Span]:
    """Yield the places of previews from the maker notes in an EXIF directory."""
    notes = _notes(exif)
    if notes is None:
        return
    thumbnail = notes.span(_OLYMPUS_THUMBNAIL)
    if thumbnail is not None:
        yield thumbnail
    start = notes.source.start
    settings = _olympus_settings(notes)
    for directory, offset_tag, length_tag in (
        (settings, _OLYMPUS_START, _OLYMPUS_LENGTH),
        (notes, _PENTAX_START, _PENTAX_LENGTH),
    ):
        offset, length = directory.number(offset_tag), directory.number(length_tag)
        if offset and length:
            yield Span(start + offset, length)


def _notes(exif: Directory) -> Directory | None:
    span = exif.span(_MAKER_NOTE)
    if span is None:
        return None
    source = exif.source
    at = span.start - source.start
    head = source.read(at, 16)
    for signature, layout in _LAYOUTS.items():
        if head.startswith(signature):
            named = head[layout.order_at : layout.order_at + 2] if layout.order_at > 0 else b""
            source = replace(source, order=_ORDERS.get(named, source.order))
            if not layout.own_offsets:
                return read_directory(source, at + layout.directory_at)
            own = replace(source, start=span.start, length=source.length - at)
            return read_directory(own, layout.directory_at)
    return None


def _olympus_settings(notes: Directory) -> Directory:
    """Return the camera settings; older cameras embed them, newer ones store an offset."""
    span = notes.span(_OLYMPUS_SETTINGS)
    if span is not None:
        return read_directory(notes.source, span.start - notes.source.start)
    return notes.below(_OLYMPUS_SETTINGS)
