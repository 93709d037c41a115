"""Pictures of all formats, raw files, and the metadata in them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from random import Random

import numpy as np
from fuzzing import seeds
from fuzzing.cases import LIMITS, Case
from fuzzing.mutations import mutated, mutated_png, png_chunks, png_of
from support.fakes import SMALL

from retrieval.images import PictureInfo
from retrieval.images.decoding import decode
from retrieval.images.thumbnails import thumbnail_of
from retrieval.images.xmp import read_xmp


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
        for line in read_xmp(packet):
            assert line == " ".join(line.split())
            line.encode()

    return case
