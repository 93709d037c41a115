"""A bounded reader of TIFF directories: each is read once, within the file, and at most 64."""

from __future__ import annotations

import math
import struct
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Literal

from retrieval.images.raw import Span

_MAX_DIRECTORIES = 64
_MAX_ENTRIES = 1024
_MAX_NUMBERS = 64
_MAX_TEXT = 256
_BYTES_OF_KIND = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_LETTER_OF_KIND = {1: "B", 3: "H", 4: "I", 13: "I"}
_ASCII, _RATIONAL = 2, 5
_SUB_DIRECTORIES = 0x014A


@dataclass(frozen=True, slots=True)
class Source:
    """A part of a file that holds directories; their offsets count from its start."""

    file: IO[bytes]
    start: int
    length: int
    order: Literal["<", ">"]

    def read(self, offset: int, count: int) -> bytes:
        """Return `count` bytes, or fewer at the end of the source."""
        count = min(count, self.length - offset)
        if offset < 0 or count <= 0:
            return b""
        self.file.seek(self.start + offset)
        return self.file.read(count)

    def number(self, offset: int, letter: Literal["H", "I"]) -> int | None:
        """Return the unsigned 16-bit (H) or 32-bit (I) number at an offset; None past the end."""
        raw = self.read(offset, struct.calcsize(letter))
        if len(raw) < struct.calcsize(letter):
            return None
        return int(struct.unpack(self.order + letter, raw)[0])


@dataclass(frozen=True, slots=True)
class Entry:
    """A tag's value: `count` of a TIFF type, at `offset` in the source."""

    kind: int
    count: int
    offset: int


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory; a missing tag and a tag of another type both count as absent."""

    source: Source
    entries: Mapping[int, Entry]
    following: int = 0

    def __contains__(self, tag: int) -> bool:
        return tag in self.entries

    def get(self, tag: int, /) -> object:
        """Return a tag's text or its unsigned numbers; None if it is absent."""
        entry = self.entries.get(tag)
        if entry is None:
            return None
        if entry.kind == _ASCII:
            return self.text(tag)
        return self.rationals(tag) if entry.kind == _RATIONAL else self.numbers(tag)

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return a tag's unsigned integers, at most the first 64."""
        entry = self.entries.get(tag)
        letter = _LETTER_OF_KIND.get(entry.kind) if entry else None
        if entry is None or letter is None:
            return ()
        width = _BYTES_OF_KIND[entry.kind]
        raw = self.source.read(entry.offset, min(entry.count, _MAX_NUMBERS) * width)
        whole = len(raw) // width
        return struct.unpack(f"{self.source.order}{whole}{letter}", raw[: whole * width])

    def number(self, tag: int) -> int | None:
        """Return a tag's only number; None if it has no number or several."""
        entry, numbers = self.entries.get(tag), self.numbers(tag)
        return numbers[0] if entry and entry.count == 1 and numbers else None

    def rationals(self, tag: int) -> tuple[float, ...]:
        """Return a tag's unsigned fractions, at most the first 64; NaN for a division by 0."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind != _RATIONAL:
            return ()
        raw = self.source.read(entry.offset, min(entry.count, _MAX_NUMBERS) * 8)
        numbers = struct.unpack(
            f"{self.source.order}{len(raw) // 8 * 2}I", raw[: len(raw) // 8 * 8]
        )
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        return tuple(above / below if below else math.nan for above, below in pairs)

    def text(self, tag: int) -> str:
        """Return a tag's text, at most 256 bytes; "" if it has none."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind != _ASCII:
            return ""
        raw = self.source.read(entry.offset, min(entry.count, _MAX_TEXT))
        return raw.partition(b"\0")[0].decode("latin-1").strip()

    def span(self, tag: int) -> Span | None:
        """Return the place in the file of a tag's value, if its type is bytes."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in (1, 7):
            return None
        return Span(self.source.start + entry.offset, entry.count)

    def below(self, tag: int) -> Directory:
        """Return the directory at the offset in a tag; empty if there is none."""
        offset = self.number(tag)
        return Directory(self.source, {}) if offset is None else read_directory(self.source, offset)


def read_directory(source: Source, offset: int) -> Directory:
    """Read the directory at an offset; an invalid one is empty."""
    count = source.number(offset, "H") or 0
    raw = source.read(offset + 2, 12 * count) if offset > 0 and count <= _MAX_ENTRIES else b""
    entries = {}
    for at in range(0, len(raw) - 11, 12):
        tag, kind, number = struct.unpack(source.order + "HHI", raw[at : at + 8])
        if kind in _BYTES_OF_KIND:
            inside = _BYTES_OF_KIND[kind] * number <= 4
            place = offset + 2 + at + 8 if inside else _u32(source, raw[at + 8 : at + 12])
            entries[tag] = Entry(kind, number, place)
    following = source.number(offset + 2 + 12 * count, "I") if entries else None
    return Directory(source, entries, following or 0)


def all_directories(source: Source, first: int) -> Iterator[Directory]:
    """Yield the chain of directories and their sub-directories, each once, at most 64."""
    waiting, seen = deque([first]), {0}
    while waiting and len(seen) <= _MAX_DIRECTORIES:
        offset = waiting.popleft()
        if offset in seen:
            continue
        seen.add(offset)
        directory = read_directory(source, offset)
        if directory.entries:
            yield directory
            waiting.extend(directory.numbers(_SUB_DIRECTORIES))
            waiting.append(directory.following)


def _u32(source: Source, raw: bytes) -> int:
    return int(struct.unpack(source.order + "I", raw)[0])
