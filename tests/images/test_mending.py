"""Pictures whose pixels are whole are read although something beside the pixels is damaged."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from retrieval.errors import PictureError
from retrieval.images import ReadLimits
from retrieval.images.decoding import decode, pixels_from_bytes
from retrieval.specs import Preprocessing

JPEGS: list[dict[str, Any]] = [
    {},
    {"optimize": True},
    {"progressive": True},
    {"restart_marker_blocks": 3},
    {"subsampling": 0, "quality": 95},
]


def photograph(mode: str = "RGB") -> Image.Image:
    """A smooth picture with a flat lower half, which hides a truncated end best."""
    picture = Image.radial_gradient("L").resize((200, 160)).convert(mode)
    picture.paste(Image.new(mode, (200, 80)), (0, 80))
    return picture


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    photograph(mode).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", JPEGS)
@pytest.mark.parametrize("end", [b"", b"\xff"])
def test_a_jpeg_without_its_end_marker_is_whole(
    mode: str, options: dict[str, Any], end: bytes, preprocessing: Preprocessing
) -> None:
    whole = jpeg(mode, **options)
    assert whole.endswith(b"\xff\xd9")
    got = pixels_from_bytes(whole[:-2] + end, preprocessing)
    np.testing.assert_array_equal(got, pixels_from_bytes(whole, preprocessing))


@pytest.mark.parametrize("options", JPEGS)
@pytest.mark.parametrize("part", [0.5, 0.9, 0.97])
def test_a_truncated_jpeg_stays_truncated(
    options: dict[str, Any], part: float, preprocessing: Preprocessing
) -> None:
    whole = jpeg(**options)
    scans = whole.index(b"\xff\xda")
    cut = scans + 14 + int((len(whole) - scans - 14) * part)
    with pytest.raises(PictureError, match="truncated"):
        pixels_from_bytes(whole[:cut], preprocessing)


def test_a_progressive_jpeg_without_its_last_scan_is_truncated(
    preprocessing: Preprocessing,
) -> None:
    whole = jpeg(progressive=True)
    for cut in (
        whole[: whole.rindex(b"\xff\xda")],
        whole[: whole.rindex(b"\xff\xda") + 40] + bytes(5000),
    ):
        with pytest.raises(PictureError, match="truncated"):
            pixels_from_bytes(cut, preprocessing)


def test_a_jpeg_cut_at_a_restart_is_truncated(preprocessing: Preprocessing) -> None:
    whole = jpeg(restart_marker_blocks=3)
    with pytest.raises(PictureError, match="truncated"):
        pixels_from_bytes(whole[: whole.rindex(b"\xff\xd3")], preprocessing)


def chunk(kind: bytes, data: bytes, checksum: int | None = None) -> bytes:
    right = zlib.crc32(kind + data)
    return (
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", right if checksum is None else checksum)
    )


HUGE = zlib.compress(b"a" * (3 * 2**20))
BAD_CHUNKS = {
    "zTXt": chunk(b"zTXt", b"Comment\0\0" + HUGE),
    "iTXt": chunk(b"iTXt", b"Comment\0\1\0\0\0" + HUGE),
    "iCCP": chunk(b"iCCP", b"profile\0\0" + HUGE),
    "checksum": chunk(b"tEXt", b"Comment\0hello", 12345),
    "pHYs": chunk(b"pHYs", b"\0"),
    "gAMA": chunk(b"gAMA", b"\0"),
    "eXIf": chunk(b"eXIf", b"no EXIF", 12345),
    "many": b"".join(
        chunk(b"zTXt", b"k%d\0\0" % n + zlib.compress(b"b" * 2**20)) for n in range(80)
    ),
}


@pytest.mark.parametrize("kind", BAD_CHUNKS)
@pytest.mark.parametrize("place", ["before", "after"])
def test_metadata_never_costs_a_png(kind: str, place: str, preprocessing: Preprocessing) -> None:
    told = PngImagePlugin.PngInfo()
    told.add_text("Description", "a boat on a lake")
    file = io.BytesIO()
    photograph().save(file, "PNG", pnginfo=told)
    whole = file.getvalue()
    at = whole.index(b"IDAT") - 4 if place == "before" else whole.index(b"IEND") - 4
    damaged = whole[:at] + BAD_CHUNKS[kind] + whole[at:]
    pixels, info = decode(io.BytesIO(damaged), preprocessing, ReadLimits())
    np.testing.assert_array_equal(pixels, pixels_from_bytes(whole, preprocessing))
    assert (info.format, info.width, info.height) == ("PNG", 200, 160)


@pytest.mark.parametrize("bad", [chunk(b"tRNS", b"\0"), chunk(b"tRNS", b"\0\1\0\1\0\1", 12345)])
def test_a_bad_transparency_never_costs_a_png(bad: bytes, preprocessing: Preprocessing) -> None:
    file = io.BytesIO()
    photograph().save(file, "PNG")
    whole = file.getvalue()
    at = whole.index(b"IDAT") - 4
    np.testing.assert_array_equal(
        pixels_from_bytes(whole[:at] + bad + whole[at:], preprocessing),
        pixels_from_bytes(whole, preprocessing),
    )


def test_a_transparent_png_keeps_its_transparency(preprocessing: Preprocessing) -> None:
    file = io.BytesIO()
    photograph("P").save(file, "PNG", transparency=0)
    whole = file.getvalue()
    assert b"tRNS" in whole
    at = whole.index(b"IDAT") - 4
    damaged = whole[:at] + BAD_CHUNKS["checksum"] + whole[at:]
    np.testing.assert_array_equal(
        pixels_from_bytes(damaged, preprocessing), pixels_from_bytes(whole, preprocessing)
    )


def test_damaged_pixels_of_a_png_are_still_reported(preprocessing: Preprocessing) -> None:
    file = io.BytesIO()
    photograph().save(file, "PNG")
    data = bytearray(file.getvalue())
    data[data.index(b"IDAT") + 20] ^= 255
    with pytest.raises(PictureError, match="damaged PNG"):
        pixels_from_bytes(bytes(data), preprocessing)


def test_the_limit_of_pixels_holds_for_a_mended_picture(preprocessing: Preprocessing) -> None:
    small = ReadLimits(max_megapixels=0.001)
    file = io.BytesIO()
    photograph().save(file, "PNG")
    whole = file.getvalue()
    at = whole.index(b"IDAT") - 4
    damaged = whole[:at] + BAD_CHUNKS["iCCP"] + whole[at:]
    with pytest.raises(PictureError, match="megapixels"):
        pixels_from_bytes(damaged, preprocessing, small)
