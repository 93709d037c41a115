"""Camera raw files: the right preview, turned and dated as the raw file says; and any bytes."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin
from support.raw_files import (
    KINDS,
    TAKEN,
    Short,
    Shot,
    TiffWriter,
    Value,
    box,
    dng,
    jpeg,
    linked,
    nef,
    sensor,
)

from retrieval.errors import PictureError
from retrieval.images import Picture, Problem, ReadLimits
from retrieval.images.decoding import decode, read_picture
from retrieval.images.jpeg import read_header
from retrieval.images.raw import RawFile
from retrieval.images.raw.detection import looks_raw, read_raw
from retrieval.images.thumbnails import thumbnail
from retrieval.query.fields import Facts
from retrieval.specs import Preprocessing

ISO_TAKEN = "2021-05-12T12:21:21"


class CountedFile(io.BytesIO):
    """Counts how often it is read."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().read(size)


def raw_of(data: bytes) -> RawFile | None:
    return read_raw(io.BytesIO(data), data[:64])


def enlarged(quadrants: Image.Image) -> Image.Image:
    return quadrants.resize((320, 240), Image.Resampling.NEAREST)


@pytest.fixture
def shot(quadrants: Image.Image) -> Shot:
    """A preview in four colours, and a grey thumbnail that must not be taken for it."""
    return Shot(jpeg(enlarged(quadrants)), jpeg(Image.new("RGB", (160, 120), "grey")))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(
    kind: str, shot: Shot, quadrants: Image.Image, preprocessing: Preprocessing, tmp_path: Path
) -> None:
    name, build = KINDS[kind]
    if kind == "RAF":  # the one whose facts are all in the preview
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = TAKEN
        shot = Shot(jpeg(enlarged(quadrants), exif=exif), shot.thumbnail)
    path = tmp_path / f"x.{name.lower()}"
    path.write_bytes(build(shot))
    got = read_picture(str(path), preprocessing, ReadLimits(), lambda digest: True)
    assert isinstance(got, Picture), got
    assert got.info is not None
    assert got.pixels is not None
    assert (got.info.format, got.info.width, got.info.height) == (name, 320, 240)
    assert got.info.taken == ISO_TAKEN
    expected, _ = decode(io.BytesIO(shot.preview), preprocessing, ReadLimits())
    np.testing.assert_array_equal(got.pixels, expected)
    with Image.open(io.BytesIO(thumbnail(str(path), 64))) as small:
        assert small.size == (64, 48)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "RAF"])
def test_the_raw_file_s_orientation_turns_a_preview_without_one(
    kind: str, shot: Shot, quadrants: Image.Image, preprocessing: Preprocessing
) -> None:
    _, build = KINDS[kind]
    lying = enlarged(quadrants).transpose(Image.Transpose.ROTATE_90)
    data = build(Shot(jpeg(lying), shot.thumbnail, orientation=6))
    pixels, info = decode(io.BytesIO(data), preprocessing, ReadLimits())
    assert (info.width, info.height) == (320, 240)
    expected, _ = decode(io.BytesIO(shot.preview), preprocessing, ReadLimits())
    assert np.abs(pixels.astype(int) - expected).max() < 40
    assert np.abs(pixels.astype(int) - expected).mean() < 2


def test_the_preview_s_own_orientation_comes_first(
    shot: Shot, quadrants: Image.Image, preprocessing: Preprocessing
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 1
    data = nef(Shot(jpeg(enlarged(quadrants), exif=exif), shot.thumbnail, orientation=8))
    assert decode(io.BytesIO(data), preprocessing, ReadLimits())[1].width == 320


def test_exact_and_scaled(shot: Shot, preprocessing: Preprocessing) -> None:
    data = io.BytesIO(dng(shot))
    scaled, info = decode(data, preprocessing, ReadLimits())
    exact, exact_info = decode(data, preprocessing, ReadLimits(exact=True))
    assert info == exact_info
    assert 0 < np.abs(scaled.astype(int) - exact).mean() < 1.5


def problem_of(data: bytes, preprocessing: Preprocessing) -> str:
    with pytest.raises(PictureError) as raised:
        decode(io.BytesIO(data), preprocessing, ReadLimits())
    return raised.value.message


def test_no_preview(preprocessing: Preprocessing) -> None:
    writer = TiffWriter()
    data = writer.finish(writer.directory({**sensor(writer), 0xC612: b"\1\4\0\0"}))
    assert "(DNG) without a JPEG preview" in problem_of(data, preprocessing)


def test_a_preview_below_the_model_s_size(shot: Shot) -> None:
    how = Preprocessing((336, 336), "shortest", "bicubic", (0, 0, 0), (1, 1, 1))
    reason = problem_of(nef(shot), how)
    assert all(fact in reason for fact in ("(NEF)", "only 320 × 240 pixels", "needs 336"))
    just = Preprocessing((240, 240), "shortest", "bicubic", (0, 0, 0), (1, 1, 1))
    assert decode(io.BytesIO(nef(shot)), just, ReadLimits())[1].format == "NEF"


def test_a_raw_file_that_is_cut_short(shot: Shot, preprocessing: Preprocessing) -> None:
    data = KINDS["ARW"][1](shot)
    at = data.index(shot.preview) + len(shot.preview) // 2
    # The directories stand at the end here: without them it is no raw file any more.
    assert "damaged TIFF" in problem_of(data[:at], preprocessing)
    raf = KINDS["RAF"][1](shot)
    assert "truncated" in problem_of(raf[: len(raf) // 2], preprocessing)


def test_a_large_raw_file_is_recognised_before_it_is_hashed(shot: Shot) -> None:
    for kind, (_, build) in KINDS.items():
        head = build(shot)[:64]
        assert looks_raw(head) == (kind in ("CR3", "ORF", "RW2", "RAF")), kind  # others: as TIFF


def test_an_ordinary_tiff_stays_one(quadrants: Image.Image, preprocessing: Preprocessing) -> None:
    """What a raw converter writes: the camera's make and date, a thumbnail, even a version."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[0x010F] = "NIKON CORPORATION"
    tags[0x0132] = TAKEN
    file = io.BytesIO()
    quadrants.save(file, "TIFF", tiffinfo=tags, compression="tiff_lzw")
    assert raw_of(file.getvalue()) is None
    _, info = decode(file, preprocessing, ReadLimits())
    assert (info.format, info.width, info.taken) == ("TIFF", 64, ISO_TAKEN)


@pytest.mark.parametrize("tag", [0x828E, 0xC612, 0x014A])
def test_tags_of_raw_files_do_not_make_a_tiff_raw(
    tag: int, quadrants: Image.Image, preprocessing: Preprocessing
) -> None:
    pixels = quadrants.tobytes()
    writer = TiffWriter()
    thumbnail = writer.directory(linked(writer, jpeg(Image.new("RGB", (160, 120)))))
    values: dict[int, Value] = {0x828E: b"\0\1\1\2", 0xC612: b"\1\4\0\0", 0x014A: thumbnail}
    bits = writer.blob(struct.pack("<HHH", 8, 8, 8))
    first: dict[int, Value] = {
        0x0100: 64, 0x0101: 48, 0x0103: Short(1), 0x0106: Short(2), 0x0115: Short(3), 0x0116: 48,
        0x0111: writer.blob(pixels), 0x0117: len(pixels), 0x010F: "NIKON CORPORATION",
        tag: values[tag],
    }  # fmt: skip
    data = bytearray(writer.finish(writer.directory({**first, 0x0102: 0})))
    at = data.rindex(struct.pack("<HH", 0x0102, 4))
    data[at : at + 12] = struct.pack("<HHII", 0x0102, 3, 3, bits)
    assert raw_of(bytes(data)) is None
    assert decode(io.BytesIO(data), preprocessing, ReadLimits())[1].format == "TIFF"


def test_a_jpeg_that_is_called_raw_is_a_jpeg(
    shot: Shot, preprocessing: Preprocessing, tmp_path: Path
) -> None:
    path = tmp_path / "x.nef"
    path.write_bytes(shot.preview)
    got = read_picture(str(path), preprocessing, ReadLimits(), lambda digest: True)
    assert isinstance(got, Picture)
    assert got.info is not None
    assert got.info.format == "JPEG"


def test_directories_that_lead_to_each_other_end(shot: Shot) -> None:
    writer = TiffWriter()
    tags = {**linked(writer, shot.preview), **sensor(writer)}
    del tags[0x0111]
    here = len(writer.data)
    size = 2 + 12 * (len(tags) + 1) + 4
    again = writer.directory({**tags, 0x014A: here}, following=here)
    assert (again, len(writer.data)) == (here, here + size)
    raw = raw_of(writer.finish(again))
    assert raw is not None
    assert raw.preview is not None
    assert (raw.preview.width, raw.preview.height) == (320, 240)


def test_of_ten_thousand_directories_few_are_read() -> None:
    writer = TiffWriter()
    following = 0
    for _ in range(10_000):
        following = writer.directory({0x0106: Short(32803)}, following)
    data = writer.finish(following)
    file = CountedFile(data)
    assert read_raw(file, data[:64]) is not None
    assert 0 < file.reads < 1000


def test_boxes_without_end_end() -> None:
    empty = box(b"ftyp", b"crx ", bytes(12)) + box(b"moov", *[box(b"trak")] * 100_000)
    nested = box(b"trak")
    for _ in range(2000):
        nested = box(b"trak", nested)
    for data in (empty, box(b"ftyp", b"crx ", bytes(12)) + nested):
        file = CountedFile(data)
        assert read_raw(file, data[:64]) == RawFile("CR3", 1, Facts(), None)
        assert 0 < file.reads < 1000


# All kinds of files, of a preview small enough for examples to be shown.
SEEDS = [
    build(Shot(jpeg(Image.new("RGB", (40, 30), "red")), jpeg(Image.new("RGB", (8, 6)))))
    for _, build in KINDS.values()
]
SMALL = Preprocessing((8, 8), "squash", "bicubic", (0, 0, 0), (1, 1, 1))


def survives(data: bytes) -> None:
    raw_of(data)
    try:
        pixels, info = decode(io.BytesIO(data), SMALL, ReadLimits(max_megapixels=1))
    except PictureError as error:
        reason = error.message
    else:
        reason = "none"
        assert pixels.shape == (8, 8, 3)
        assert info.width > 0
    assert reason
    assert "0x" not in reason


STARTS = [
    b"II*\0", b"MM\0*", b"IIRO", b"IIU\0", b"MMOR", b"II*\0\x10\0\0\0CR", b"FUJIFILMCCD-RAW ",
    b"\0\0\0\x18ftypcrx ",
]  # fmt: skip


@given(st.sampled_from(STARTS), st.binary(max_size=400))
def test_no_bytes_crash_it(start: bytes, data: bytes) -> None:
    survives(start + data)


@given(st.data())
@settings(max_examples=200)
def test_no_damage_crashes_it(data: st.DataObject) -> None:
    broken = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(broken) - 1))
        patch = data.draw(st.binary(min_size=1, max_size=4) | st.sampled_from([b"\xff" * 4]))
        broken[at : at + len(patch)] = patch
    end = data.draw(st.just(len(broken)) | st.integers(0, len(broken)))
    survives(bytes(broken[:end]))


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from(["L", "RGB", "CMYK"]),
    st.booleans(),
)
def test_the_header_of_a_jpeg_is_what_pillow_says(
    width: int, height: int, mode: str, progressive: bool
) -> None:
    data = jpeg(Image.new(mode, (width, height)), progressive=progressive, exif=Image.Exif())
    header = read_header(io.BytesIO(b"before" + data), 6)
    assert header is not None
    assert (header.width, header.height, header.buffered) == (width, height, progressive)
    assert read_header(io.BytesIO(data[: data.index(b"\xff\xda")])) is None


@given(st.binary(max_size=60), st.integers(0, 70))
def test_no_bytes_crash_the_header_of_a_jpeg(data: bytes, start: int) -> None:
    read_header(io.BytesIO(b"\xff\xd8" + data), start)


def test_a_jpeg_of_nothing_but_segments_ends() -> None:
    for filling in (b"\xff\xfe\0\2", b"\xff"):
        file = CountedFile(b"\xff\xd8" + filling * 1_000_000)
        assert read_header(file) is None
        assert 0 < file.reads < 10_000


def test_scans_of_one_colour_each_are_buffered() -> None:
    frame = struct.pack(">BHHB", 8, 10, 20, 3) + bytes(9)
    head = b"\xff\xd8\xff\xc0" + struct.pack(">H", 2 + len(frame)) + frame + b"\xff\xda\0\x08"
    whole, apart = (read_header(io.BytesIO(head + bytes([n]) + bytes(9))) for n in (3, 1))
    assert whole is not None
    assert apart is not None
    assert (whole.buffered, apart.buffered) == (False, True)


def test_a_problem_is_kept_like_any_other(tmp_path: Path, preprocessing: Preprocessing) -> None:
    writer = TiffWriter()
    path = tmp_path / "x.dng"
    path.write_bytes(writer.finish(writer.directory({**sensor(writer), 0xC612: b"\1\4\0\0"})))
    got = read_picture(str(path), preprocessing, ReadLimits(), lambda digest: True)
    assert isinstance(got, Problem)
    assert got.kind == "bad"
