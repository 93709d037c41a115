"""Pictures of all formats, raw files, and the metadata in them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
from fuzzing import seeds
from fuzzing.cases import LIMITS, Case
from fuzzing.mutations import NUMBERS, mutated, mutated_png, png_chunks, png_of
from support.fakes import SMALL

from retrieval.images import PictureInfo
from retrieval.images.decoding import decode
from retrieval.images.thumbnails import thumbnail_of
from retrieval.images.xmp import read_xmp

_HEADER = 600
"""The first bytes of a file, in which formats declare sizes."""

_SIZES = {16, 15, 24, 23, 64, 63, 160, 240}
"""Widths and heights of the seeds, also less one."""

_ORDERS: dict[str, Literal["big", "little"]] = {"big": "big", "little": "little"}


def _decoded(data: bytes, *, small: bool) -> None:
    pixels, info = decode(io.BytesIO(data), SMALL, LIMITS)
    assert pixels.shape == (8, 8, 3)
    assert pixels.dtype == np.uint8
    assert isinstance(info, PictureInfo)
    info.words.encode()
    for value in asdict(info).values():
        if isinstance(value, float):
            assert np.isfinite(value), info
    if small:
        thumbnail_of(io.BytesIO(data), 32, LIMITS)


def _pictures(made: Mapping[str, bytes]) -> Callable[[Path], Case]:
    def make(_: Path) -> Case:
        files = sorted(made.values())

        def case(random: Random) -> None:
            data = random.choice(files)
            png = data.startswith(b"\x89PNG") and random.random() < 0.7
            changed = mutated_png(random, data) if png else mutated(random, data, files)
            _decoded(changed, small=random.random() < 0.1)

        return case

    return make


def pictures(folder: Path) -> Case:
    """Return the target of pictures of all formats."""
    return _pictures(seeds.pictures())(folder)


def bombs(_: Path) -> Case:
    """Try pictures of every format whose header declares another size, mostly a huge one."""
    files = sorted((*seeds.pictures().values(), *seeds.raw_files().values()))

    def case(random: Random) -> None:
        data = random.choice(files)
        if data.startswith(b"\x89PNG"):
            (kind, header), *chunks = png_chunks(data)
            data = png_of([(kind, _declaring(random, header)), *chunks])
        else:
            data = _declaring(random, data[:_HEADER]) + data[_HEADER:]
        _decoded(data, small=random.random() < 0.1)

    return case


def _declaring(random: Random, header: bytes) -> bytes:
    """Return a header in which some numbers that are sizes of the seeds are others."""
    changed = bytearray(header)
    places = [
        (at, width, order)
        for width, order in ((1, "big"), (2, "big"), (2, "little"), (4, "big"), (4, "little"))
        for at in range(len(header) - width + 1)
        if int.from_bytes(header[at : at + width], _ORDERS[order]) in _SIZES
    ]
    for at, width, order in random.sample(places, min(len(places), random.choice((1, 2, 2, 4)))):
        number = random.choice((*NUMBERS, 2**14, 2**14 - 1, 20_000, 65_000, 10**5, 10**6))
        changed[at : at + width] = (number % 256**width).to_bytes(width, _ORDERS[order])
    return bytes(changed)


def raw(folder: Path) -> Case:
    """Return the target of raw files."""
    return _pictures(seeds.raw_files())(folder)


def metadata(_: Path) -> Case:
    """Try EXIF and XMP blocks inside sound pictures."""
    jpeg = seeds.saved(seeds.drawn(), "JPEG")
    chunks = png_chunks(seeds.saved(seeds.drawn(), "PNG"))
    exif, xmp = seeds.exif_block(), seeds.XMP

    def segment(content: bytes) -> bytes:
        return b"\xff\xe1" + (len(content[:65_533]) + 2).to_bytes(2, "big") + content[:65_533]

    def case(random: Random) -> None:
        block, packet = mutated(random, exif), mutated(random, xmp)
        if random.random() < 0.7:
            if not block.startswith(b"Exif\0\0"):
                block = b"Exif\0\0" + block
            space = b"http://ns.adobe.com/xap/1.0/\0"
            data = jpeg[:2] + segment(block) + segment(space + packet) + jpeg[2:]
        else:
            extra = [(b"eXIf", block[6:]), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)]
            data = png_of([chunks[0], *extra, *chunks[1:]])
        pixels, info = decode(io.BytesIO(data), SMALL, LIMITS)  # metadata never costs the picture
        assert pixels.shape == (8, 8, 3)
        info.words.encode()

    return case


def xmp(_: Path) -> Case:
    """Return the target of XMP packets."""

    def case(random: Random) -> None:
        packet = mutated(random, seeds.XMP)
        if random.random() < 0.2:
            packet = packet.decode("utf-8", "replace").encode(
                random.choice(("utf-16", "utf-16-be"))
            )
        for line in read_xmp(packet).lines:
            assert line == " ".join(line.split())
            line.encode()

    return case
