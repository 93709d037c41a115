"""Camera, lens and place from EXIF, honest, odd and hostile."""

from __future__ import annotations

import io
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin
from support.raw_files import TiffWriter

from retrieval.images import ReadLimits
from retrieval.images.decoding import decode
from retrieval.images.exif_values import camera_name, clean, number, position
from retrieval.images.metadata import facts_of_picture
from retrieval.images.raw.tiff import Source, read_directory
from retrieval.query.fields import Facts
from retrieval.specs import Preprocessing


@pytest.mark.parametrize(
    ("make", "model", "name"),
    [
        ("Google", "Pixel 7", "Google Pixel 7"),
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("Canon", "Canon EOS 40D", "Canon EOS 40D"),
        ("OLYMPUS IMAGING CORP.", "E-M10", "OLYMPUS E-M10"),
        ("EASTMAN KODAK COMPANY", "KODAK EASYSHARE", "KODAK EASYSHARE"),
        ("FUJIFILM Co.,Ltd", "X100V  \0\0junk", "FUJIFILM X100V"),
        ("Canon", None, "Canon"),
        (None, "DSC-1", "DSC-1"),
        (None, None, ""),
        (7, (1, 2), ""),
        ("unknown", "----", ""),
        ("a\x1b[31m", "b\nc", "a [31m b c"),
    ],
)
def test_camera_names(make: object, model: object, name: str) -> None:
    assert camera_name(make, model) == name


@given(st.one_of(st.text(), st.binary(), st.integers(), st.none()))
def test_clean_text_is_one_short_printable_line(value: object) -> None:
    line = clean(value)
    assert line.isprintable()
    assert len(line) <= 100
    assert line == line.strip()
    line.encode("utf-8")


def test_huge_text_is_cut_and_utf8_is_read() -> None:
    assert len(clean("x" * 10**6)) == 100
    assert clean("Apareil é".encode().decode("latin-1")) == "Apareil é"


PARIS = ((48, 51, 29.99), "N"), ((2, 17, 40.2), "E")


def test_positions() -> None:
    assert position(*PARIS) == pytest.approx((48.8583306, 2.2945))
    assert position(((33.5,), "S"), ((70, 30), "w")) == (-33.5, -70.5)
    assert position(((10, 30.5, math.nan), "N"), ((20, 0, 0), "E")) == pytest.approx(
        (10.508333, 20)
    )
    assert position(((90, 0, 0), "N"), ((180, 0, 0), "W")) == (90, -180)
    assert position(("48", "N"), ("2.5", "E")) == (48, 2.5)
    assert position(((1, 2, 3, 4), "N"), ((2, 0, 0), "E")) == pytest.approx((1.0341667, 2))


@pytest.mark.parametrize(
    "latitude",
    [
        ((48, 51, 30), ""),
        ((48, 51, 30), None),
        ((48, 51, 30), "E"),
        ((91, 0, 0), "N"),
        ((90, 1, 0), "N"),
        ((48, 61, 0), "N"),
        ((-1, 0, 0), "N"),
        ((math.nan, 0, 0), "N"),
        ((math.inf, 0, 0), "N"),
        ((48, math.nan, 0), "N"),
        ((), "N"),
        (None, "N"),
        ("x", "N"),
        ((None, 0, 0), "N"),
    ],
)
def test_what_cannot_be_a_latitude_is_none(latitude: tuple[object, object]) -> None:
    assert position(latitude, PARIS[1]) is None


def test_zero_zero_is_no_place() -> None:
    assert position(((0, 0, 0), "N"), ((0, 0, 0), "E")) is None


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_every_place_survives(north: float, east: float) -> None:
    def parts(value: float) -> tuple[Fraction, Fraction, Fraction]:
        degrees = Fraction(round(abs(value) * 10**7), 10**7)
        minutes = (degrees - int(degrees)) * 60
        return (
            Fraction(int(degrees)),
            Fraction(int(minutes)),
            Fraction(minutes - int(minutes)) * 60,
        )

    place = position(
        (parts(north), "S" if north < 0 else "N"), (parts(east), "W" if east < 0 else "E")
    )
    expected = round(north, 7), round(east, 7)
    assert (place or (0, 0)) == pytest.approx(expected, abs=2e-7)


def with_exif(gps: dict[int, object]) -> io.BytesIO:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Apple", "iPhone 12"
    exif.get_ifd(0x8769).update({0xA434: "back camera\0", 0x9003: "2023:05:01 12:30:00"})
    exif.get_ifd(0x8825).update(gps)
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "JPEG", exif=exif)
    return file


def rational(above: int, below: int) -> TiffImagePlugin.IFDRational:
    return TiffImagePlugin.IFDRational(above, below)


def test_from_a_jpeg(preprocessing: Preprocessing) -> None:
    whole = {1: "N", 2: (rational(48, 1), rational(51, 1), rational(2999, 100))}
    whole |= {3: "W", 4: (rational(2, 1), rational(17, 1), rational(40, 1))}
    _, info = decode(with_exif(whole), preprocessing, ReadLimits())  # type: ignore[arg-type]
    assert (info.camera, info.lens) == ("Apple iPhone 12", "back camera")
    assert (info.latitude, info.longitude) == pytest.approx((48.8583306, -2.2944444))
    broken = whole | {2: (rational(48, 0), rational(51, 0), rational(1, 0))}
    with Image.open(with_exif(broken)) as picture:  # type: ignore[arg-type]
        facts = facts_of_picture(picture)
    assert (facts.latitude, facts.longitude, facts.taken) == (None, None, "2023-05-01T12:30:00")


def test_the_exposure(preprocessing: Preprocessing) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update(
        {0x829A: rational(1, 250), 0x829D: rational(28, 10), 0x8827: 400, 0x920A: rational(500, 10)}
    )
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "JPEG", exif=exif)
    _, info = decode(file, preprocessing, ReadLimits())
    assert (info.iso, info.aperture, info.exposure, info.focal_length) == (400, 2.8, 0.004, 50)


@given(st.one_of(st.none(), st.text(), st.binary(), st.floats(), st.lists(st.floats())))
def test_only_numbers_that_can_be_are_numbers(value: object) -> None:
    found = number(value, 0.1, 1000)
    assert found is None or 0.1 <= found <= 1000


def test_what_one_lacks_the_other_gives() -> None:
    here = Facts(camera="A", latitude=1.0, longitude=0.0)
    there = Facts(taken="2020", camera="B", lens="L", latitude=3.0, longitude=4.0)
    both = Facts(taken="2020", camera="A", lens="L", latitude=1.0, longitude=0.0)
    assert here.completed(there) == both
    assert Facts().completed(there) == there


def test_fractions_of_a_raw_file() -> None:
    writer = TiffWriter()
    numbers = b"".join(n.to_bytes(4, "little") for n in (48, 1, 51, 2, 1, 0))
    offset = writer.blob(numbers)
    entry = (2).to_bytes(2, "little") + (5).to_bytes(2, "little") + (3).to_bytes(4, "little")
    start = writer.blob((1).to_bytes(2, "little") + entry + offset.to_bytes(4, "little") + bytes(4))
    data = bytes(writer.data)
    directory = read_directory(Source(io.BytesIO(data), 0, len(data), "<"), start)
    found = directory.rationals(2)
    assert found[:2] == (48, 25.5)
    assert math.isnan(found[2])
    assert directory.rationals(3) == ()
    cut = read_directory(Source(io.BytesIO(data), 0, start, "<"), start)
    assert cut.rationals(2) == ()
