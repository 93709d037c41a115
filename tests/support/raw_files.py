"""Raw files of every kind, in little: built as cameras build them, with a few bytes of sensor."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

TAKEN = "2021:05:12 12:21:21"
CFA, JPEG, OLD_JPEG = 32803, 7, 6


def jpeg(picture: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def lossless(width: int, height: int) -> bytes:
    """Return the beginning of a lossless JPEG, in which raw files keep their sensor's data."""
    frame = struct.pack(">BHHBBBB", 14, height, width, 1, 1, 0x11, 0)
    scan = struct.pack(">BBBBBB", 1, 1, 0, 1, 0, 0)
    return (
        b"\xff\xd8\xff\xc3" + struct.pack(">H", len(frame) + 2) + frame
        + b"\xff\xda" + struct.pack(">H", len(scan) + 2) + scan + bytes(100) + b"\xff\xd9"
    )  # fmt: skip


@dataclass
class Short:
    """A 16-bit number; a plain int is written as 32 bits."""

    value: int


Value = int | Short | str | bytes | tuple[int, ...]


@dataclass
class TiffWriter:
    """Puts blobs and directories one behind the other; each call returns an offset."""

    order: str = "<"
    magic: bytes = b"II*\0"
    data: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.data += self.magic + bytes(4)

    def blob(self, data: bytes) -> int:
        offset = len(self.data)
        self.data += data + bytes(len(data) % 2)
        return offset

    def directory(self, tags: dict[int, Value], following: int = 0) -> int:
        entries = [struct.pack(self.order + "H", len(tags))]
        for tag, value in sorted(tags.items()):
            kind, count, raw = self._encoded(value)
            if len(raw) > 4:
                raw = struct.pack(self.order + "I", self.blob(raw))
            entries.append(struct.pack(self.order + "HHI", tag, kind, count) + raw.ljust(4, b"\0"))
        return self.blob(b"".join(entries) + struct.pack(self.order + "I", following))

    def _encoded(self, value: Value) -> tuple[int, int, bytes]:
        if isinstance(value, Short):
            return 3, 1, struct.pack(self.order + "H", value.value)
        if isinstance(value, str):
            return 2, len(value) + 1, value.encode() + b"\0"
        if isinstance(value, bytes):
            return 7, len(value), value
        numbers = value if isinstance(value, tuple) else (value,)
        return 4, len(numbers), struct.pack(f"{self.order}{len(numbers)}I", *numbers)

    def finish(self, first: int) -> bytes:
        self.data[4:8] = struct.pack(self.order + "I", first)
        return bytes(self.data)


@dataclass(frozen=True)
class Shot:
    """What the camera took: a large preview, a thumbnail, and how it was held."""

    preview: bytes
    thumbnail: bytes
    orientation: int = 1

    def common(self, writer: TiffWriter, make: str, notes: bytes = b"") -> dict[int, Value]:
        exif: dict[int, Value] = {0x9003: TAKEN}
        if notes:
            exif[0x927C] = notes
        return {
            0x010F: make,
            0x0112: Short(self.orientation),
            0x0132: "2022:01:01 00:00:00",
            0x8769: writer.directory(exif),
        }


def linked(writer: TiffWriter, data: bytes) -> dict[int, Value]:
    """Return the tags that lead to a JPEG as most cameras write them."""
    return {0x0103: Short(OLD_JPEG), 0x0201: writer.blob(data), 0x0202: len(data)}


def strip(writer: TiffWriter, data: bytes, compression: int = JPEG) -> dict[int, Value]:
    """Return the tags that lead to a JPEG as DNG and CR2 write them."""
    return {0x0103: Short(compression), 0x0111: writer.blob(data), 0x0117: len(data)}


def sensor(writer: TiffWriter, compression: int = 1) -> dict[int, Value]:
    """Return the tags of sensor data; as JPEG it is lossless, and larger than any preview."""
    return {
        0x0100: 6000, 0x0101: 4000, 0x0106: Short(CFA),
        **strip(writer, lossless(6000, 4000), compression),
    }  # fmt: skip


def dng(shot: Shot) -> bytes:
    writer = TiffWriter(">", b"MM\0*")
    preview: dict[int, Value] = {0x0106: Short(6), **strip(writer, shot.preview)}
    below = writer.directory(sensor(writer, JPEG)), writer.directory(preview)
    first = {**shot.common(writer, "LEICA"), **strip(writer, shot.thumbnail), 0x014A: below}
    return writer.finish(writer.directory({**first, 0xC612: b"\1\4\0\0"}))


def nef(shot: Shot) -> bytes:
    writer = TiffWriter()
    below = (
        writer.directory(linked(writer, shot.preview)),
        writer.directory(sensor(writer, 34713)),
        writer.directory(linked(writer, shot.thumbnail)),
    )
    thumbnail: dict[int, Value] = {
        0x0100: 2, 0x0101: 1, 0x0102: Short(8), 0x0103: Short(1), 0x0106: Short(2),
        0x0111: writer.blob(bytes(6)), 0x0115: Short(3), 0x0116: 1, 0x0117: 6, 0x014A: below,
    }  # fmt: skip
    return writer.finish(
        writer.directory({**shot.common(writer, "NIKON CORPORATION"), **thumbnail})
    )


def cr2(shot: Shot) -> bytes:
    writer = TiffWriter()
    writer.data += b"CR\2\0" + bytes(4)
    raw = writer.directory(strip(writer, lossless(6000, 4000), OLD_JPEG))
    small = writer.directory(linked(writer, shot.thumbnail), raw)
    first = {**shot.common(writer, "Canon"), **strip(writer, shot.preview, OLD_JPEG)}
    return writer.finish(writer.directory(first, small))


def arw(shot: Shot) -> bytes:
    writer = TiffWriter()
    small = writer.directory(linked(writer, shot.thumbnail))
    raw = writer.directory(sensor(writer, 32767))
    first = {**shot.common(writer, "SONY"), **linked(writer, shot.preview), 0x014A: raw}
    return writer.finish(writer.directory(first, small))


def pef(shot: Shot) -> bytes:
    writer = TiffWriter(">", b"MM\0*")
    large = writer.directory(linked(writer, shot.preview))
    small = writer.directory(linked(writer, shot.thumbnail), large)
    first = {**shot.common(writer, "RICOH IMAGING COMPANY, LTD."), **sensor(writer, 65535)}
    return writer.finish(writer.directory(first, small))


def old_pef(shot: Shot) -> bytes:
    """Return a PEF whose preview only the maker's notes know of, by offsets from the file."""
    writer = TiffWriter(">", b"MM\0*")
    at = writer.blob(shot.preview)
    notes = b"AOC\0MM" + struct.pack(">HHHIIHHIII", 2, 3, 4, 1, len(shot.preview), 4, 4, 1, at, 0)
    first = {**shot.common(writer, "PENTAX", notes), **sensor(writer, 65535)}
    return writer.finish(writer.directory(first))


def srw(shot: Shot) -> bytes:
    writer = TiffWriter()
    raw = {**sensor(writer, 32772), 0x828E: b"\1\0\2\1"}
    del raw[0x0106]  # Samsung leaves it out
    small = writer.directory(linked(writer, shot.thumbnail))
    below = writer.directory(linked(writer, shot.preview)), writer.directory(raw)
    first = {**shot.common(writer, "SAMSUNG"), 0x014A: below}
    return writer.finish(writer.directory(first, small))


def orf(shot: Shot) -> bytes:
    """Return an ORF; the offsets of its preview count from the maker's notes."""
    room = struct.calcsize("<HHHIIHHIII")
    notes = TiffWriter("<", b"OLYMPUS\0")
    notes.data[8:] = b"II\3\0" + bytes(room)
    preview, thumbnail = notes.blob(shot.preview), notes.blob(shot.thumbnail)
    settings = notes.directory({0x0100: 1, 0x0101: preview, 0x0102: len(shot.preview)})
    notes.data[12 : 12 + room] = struct.pack(
        "<HHHIIHHIII", 2, 0x0100, 7, len(shot.thumbnail), thumbnail, 0x2020, 13, 1, settings, 0
    )
    writer = TiffWriter("<", b"IIRO")
    plain: dict[int, Value] = {0x0103: Short(1), 0x0106: Short(1), 0x0111: writer.blob(bytes(9))}
    first = {**shot.common(writer, "OLYMPUS CORPORATION", bytes(notes.data)), **plain}
    return writer.finish(writer.directory({**first, 0x0117: 9}))


def rw2(shot: Shot) -> bytes:
    writer = TiffWriter("<", b"IIU\0")
    first = {**shot.common(writer, "Panasonic"), 0x0111: 0xFFFFFFFF, 0x0117: 0}
    return writer.finish(writer.directory({**first, 0x002E: shot.preview}))


def raf(shot: Shot) -> bytes:
    head = b"FUJIFILMCCD-RAW 0201FF389501".ljust(84, b"\0")
    return head + struct.pack(">II", 92, len(shot.preview)) + shot.preview + bytes(50)


def box(kind: bytes, *content: bytes) -> bytes:
    inside = b"".join(content)
    return struct.pack(">I", 8 + len(inside)) + kind + inside


def cr3(shot: Shot) -> bytes:
    first, exif = TiffWriter(), TiffWriter()
    own: dict[int, Value] = {
        0x010F: "Canon",
        0x0112: Short(shot.orientation),
        0x0132: "2022:01:01 00:00:00",
    }
    metadata = box(
        b"uuid", bytes.fromhex("85c0b687820f11e08111f4ce462b6a48"),
        box(b"CMT1", first.finish(first.directory(own))),
        box(b"CMT2", exif.finish(exif.directory({0x9003: TAKEN}))),
        box(b"THMB", bytes(16), shot.thumbnail),
    )  # fmt: skip
    small = box(
        b"uuid", bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16"), bytes(8),
        box(b"PRVW", bytes(16), shot.thumbnail),
    )  # fmt: skip

    def whole(offset: int) -> bytes:
        sizes = box(b"stsz", bytes(4), struct.pack(">III", 0, 1, len(shot.preview)))
        places = box(b"co64", bytes(4), struct.pack(">IQ", 1, offset))
        track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", sizes, places))))
        head = box(b"ftyp", b"crx ", bytes(4), b"crx isom") + box(b"moov", metadata, track) + small
        return head + box(b"mdat", shot.preview)

    return whole(len(whole(0)) - len(shot.preview))


KINDS: dict[str, tuple[str, Callable[[Shot], bytes]]] = {
    "DNG": ("DNG", dng),
    "NEF": ("NEF", nef),
    "CR2": ("CR2", cr2),
    "CR3": ("CR3", cr3),
    "ARW": ("ARW", arw),
    "ORF": ("ORF", orf),
    "RW2": ("RW2", rw2),
    "PEF": ("PEF", pef),
    "older PEF": ("PEF", old_pef),
    "SRW": ("SRW", srw),
    "RAF": ("RAF", raf),
}
"""Name of the case → format, and a function that builds a file of it."""
