from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from retrieval.images import ReadLimits
from retrieval.images.decoding import decode
from retrieval.images.exif_values import iso_date, position, utc_date
from retrieval.images.metadata import facts_of_picture, turn_of, upright
from retrieval.query.fields import Facts
from retrieval.specs import Preprocessing

INVERSE = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_all_orientations_in_all_formats_that_carry_them(
    format_name: str, orientation: int, quadrants: Image.Image, preprocessing: Preprocessing
) -> None:
    turn = INVERSE[orientation]
    stored = quadrants if turn is None else quadrants.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    stored.save(file, format_name, exif=exif.tobytes(), quality=95)
    pixels, info = decode(file, preprocessing, ReadLimits())
    assert (info.format, info.width, info.height) == (format_name, 64, 48)
    expected = np.asarray(quadrants.resize((32, 32)))
    corners = (slice(4, None, 23), slice(4, None, 23))
    assert np.abs(pixels[corners].astype(int) - expected[corners]).max() < 40


def test_upright_equals_pillow_s_own() -> None:
    picture = Image.effect_noise((5, 3), 90)
    for orientation in range(10):
        picture.getexif()[0x0112] = orientation
        expected = ImageOps.exif_transpose(picture)
        assert upright(picture).tobytes() == expected.tobytes()


class Broken(Image.Image):
    def getexif(self) -> Image.Exif:
        raise SyntaxError("not a TIFF IFD")


def test_broken_exif_is_no_exif() -> None:
    picture = Broken()
    assert upright(picture) is picture
    assert facts_of_picture(picture) == Facts()


def with_dates(write: Callable[[Image.Exif], None]) -> str:
    exif = Image.Exif()
    write(exif)
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "JPEG", exif=exif)
    with Image.open(file) as picture:
        return facts_of_picture(picture).taken


def test_the_moment_of_the_shot_is_preferred() -> None:
    def all_three(exif: Image.Exif) -> None:
        exif[0x0132] = "2020:01:01 00:00:00"
        exif.get_ifd(0x8769).update({0x9003: "2023:05:01 12:30:00", 0x9004: "2021:01:01 00:00:00"})

    def unset_original(exif: Image.Exif) -> None:
        exif[0x0132] = "2020:01:01 00:00:00"
        exif.get_ifd(0x8769)[0x9003] = "0000:00:00 00:00:00"

    assert with_dates(all_three) == "2023-05-01T12:30:00"
    assert with_dates(unset_original) == "2020-01-01T00:00:00"
    assert with_dates(lambda exif: None) == ""


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("2023:05:01 12:30:00", "2023-05-01T12:30:00"),
        ("2023:05:01 12:30:00\0", "2023-05-01T12:30:00"),
        ("2023-05-01T12:30:00+02:00", "2023-05-01T12:30:00"),
        ("2023:05:01", "2023-05-01"),
        ("2023:05:01   :  :  ", "2023-05-01"),
        ("2023:05:01 12:30", "2023-05-01T12:30:00"),
        ("2023:05: 1  9:05:07", "2023-05-01T09:05:07"),
        ("2023.05.01 12:30:15", "2023-05-01T12:30:15"),
        ("2023:05:01 12:30:60", "2023-05-01T12:30:59"),
        ("2023:05:01 12:30:61", "2023-05-01"),
        ("2023:05:01 12:30:15.25", "2023-05-01T12:30:15"),
        ("2023:05:01 01:30:15 PM", "2023-05-01T13:30:15"),
        ("2023:05:01 12:30:15 am", "2023-05-01T00:30:15"),
        ("2023:05:01 13:30:15 PM", "2023-05-01T13:30:15"),
        ("2023:05:01 13:30:15 AM", "2023-05-01"),
        ("2023:05:01 01:30:15 x", "2023-05-01"),
        ("2023:05:01 \u4e0b\u534801:30:15", "2023-05-01"),  # PM, in Chinese
        ("2023:05:01 10:60:00", "2023-05-01"),
        ("2023-05-01-07:00", "2023-05-01"),  # the end is a zone
        ("2023:5:1 9:5:7", "2023-05-01T09:05:07"),
        ("2023:05:01  12:30:00", "2023-05-01T12:30:00"),
        ("2023:05:01\x0012:30:00", "2023-05-01T12:30:00"),
        ("2023:05:01 12:30:00\0junk", "2023-05-01T12:30:00"),
        ("2023:05:01 12.30.15", "2023-05-01T12:30:15"),
        ("2023:05:01 12:30:15:250", "2023-05-01T12:30:15"),
        ("2023:05:01 12:30:15 UTC", "2023-05-01T12:30:15"),
        ("2023:05:01 12:30:15+2", "2023-05-01T12:30:15"),
        ("20230501T123015", "2023-05-01T12:30:15"),
        ("20230501", "2023-05-01"),
        ("20230501123", ""),
        ("2023:05:011", ""),
        ("2023:05/01 12:30:00", ""),
        ("0000:00:00 00:00:00", ""),
        ("2023:02:30 12:30:00", ""),
        ("2023:05:01 24:00:00", "2023-05-01"),
        ("    :  :     :  :  ", ""),
        ("0001:01:01 00:00:00", ""),
        ("\u0662\u0660\u0662\u0663:05:01 12:30:00", ""),  # digits, but not ASCII ones
        (b"2023:05:01 12:30:00", "2023-05-01T12:30:00"),
        (None, ""),
        ((1, 2), ""),
        ("2019", "2019"),
        ("2019:05", "2019-05"),
        ("2019-05", "2019-05"),
        ("2019:05:00 00:00:00", "2019-05"),
        ("2019:05:00 12:30:00", "2019-05"),
        ("2019:05:  ", "2019-05"),
        ("2019:  :     :  :  ", "2019"),
        ("2019:00:00 00:00:00", "2019"),
        ("20190500", "2019-05"),
        ("20190000", "2019"),
        ("20190503 103000+0200", "2019-05-03T10:30:00"),
        (b"2019\0\0", "2019"),
        ("2019:13:00 00:00:00", ""),
        ("2019:00:15 10:00:00", ""),
        ("2019:05:32", ""),
        ("201905", ""),
        ("2019 was a good year", ""),
        ("0000", ""),
        ("1234:05", ""),
    ],
)
def test_dates(written: object, iso: str) -> None:
    assert iso_date(written) == iso


@given(st.datetimes(min_value=datetime.fromisoformat("1826-01-01")))
def test_every_real_date_survives(moment: datetime) -> None:
    text = f"{moment:%Y:%m:%d %H:%M:%S}"
    assert iso_date(text) == f"{moment:%Y-%m-%dT%H:%M:%S}"


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time zone of the computer, in which it is two hours later than UTC in summer."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="needs tzset")
@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize(
    ("day", "moment", "local"),
    [
        ("2019:05:03", (10.0, 20.0, 30.5), "2019-05-03T12:20:30"),
        ("2019:12:31", (23, 30, 0), "2020-01-01T00:30:00"),
        ("2019-05-03T10:20:30Z", None, "2019-05-03T12:20:30"),
        ("2019:05:03", None, "2019-05-03"),
        ("2019:05:03", (99, 0, 0), "2019-05-03"),
        ("2019:05:03", (math.nan, 0, 0), "2019-05-03"),
        ("2019:05:03", ("1", "2"), "2019-05-03"),
        ("2019:05", (10, 20, 30), "2019-05"),
        (None, (10, 20, 30), ""),
        ("", (10, 20, 30), ""),
    ],
)
def test_dates_of_satellites(day: object, moment: object, local: str) -> None:
    assert utc_date(day, moment) == local


def test_the_date_of_the_position_is_the_last_that_counts() -> None:
    picture = Image.new("RGB", (8, 8))
    picture.getexif().get_ifd(0x8825).update({29: "2019:05:03"})
    assert facts_of_picture(picture).taken == "2019-05-03"
    picture.getexif()[0x0132] = "2001:02:03 04:05:06"
    assert facts_of_picture(picture).taken == "2001-02-03T04:05:06"


def test_a_position_of_one_number_is_kept() -> None:
    for parts in (48.8583, (48.8583,), (48.8583, math.nan, math.nan)):
        assert position((parts, "N"), (2.25, "W")) == (48.8583, -2.25)
    assert position((math.nan, "N"), (2.25, "W")) is None
    assert position((None, "N"), (2.25, "W")) is None


@pytest.mark.parametrize(
    ("parts", "letter", "degrees"),
    [
        ("33.5", "S", -33.5),
        ("33 30 0", "S", -33.5),
        ((33.0, 30.0, 0.0, 0.0), "S", -33.5),
        ((-33.0, 30.0, 0.0), "S", -33.5),
        ((-33.0, 30.0, 0.0), "N", None),
        ("33.5", "", None),
        ("33.5 N", "S", None),
        (b"33.5", "S", None),
    ],
)
def test_other_forms_of_degrees(parts: object, letter: str, degrees: float | None) -> None:
    expected = None if degrees is None else (degrees, 2.25)
    assert position((parts, letter), (2.25, "E")) == expected


@pytest.mark.parametrize("written", [6, "6", b"6\0", (6, 0), 6.0, [6]])
def test_an_orientation_of_another_type_turns_the_picture(written: object) -> None:
    class Turned(Image.Image):
        def getexif(self) -> Image.Exif:
            exif = Image.Exif()
            exif[0x0112] = written
            return exif

    assert turn_of(Turned()) is Image.Transpose.ROTATE_270


@pytest.mark.parametrize("written", ["", "x", b"", (), 0, 9, 6.5, None, [[6]]])
def test_an_invalid_orientation_is_none(written: object) -> None:
    class Turned(Image.Image):
        def getexif(self) -> Image.Exif:
            exif = Image.Exif()
            exif[0x0112] = written
            return exif

    assert turn_of(Turned()) is None
