from __future__ import annotations

import os

import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retrieval.images.formats import unsupported_reason

# Pillow lists these among its extensions; nobody calls them pictures.
NO_PICTURES = {"pdf", "ps", "mpg", "mpeg", "h5", "hdf", "bufr", "grib", "iim"}


@pytest.mark.parametrize(
    "name", ["a.jpg", "b.JPEG", "c.d.Png", "x.heic", "x.JP2", "\udcff.webp", "a.NEF"]
)
def test_readable(name: str) -> None:
    assert unsupported_reason(name) == ""


@pytest.mark.parametrize("name", ["a", "jpg", ".jpg", "a.txt", "a.pdf", "a.mp3", "a.jpg.part", ""])
def test_no_picture(name: str) -> None:
    assert unsupported_reason(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.psd", "Photoshop (PSD) files are not supported"),
        ("a.CRW", "camera raw (CRW) files are not supported"),
        ("a.svg", "SVG files are not supported"),
        ("a.jxl", "JPEG XL (JXL) files are not supported"),
    ],
)
def test_a_picture_that_cannot_be_read(name: str, reason: str) -> None:
    assert unsupported_reason(name) == reason


def test_every_extension_that_pillow_knows_is_judged() -> None:
    Image.init()
    known = {extension[1:] for extension in Image.registered_extensions()}
    known |= {"heic", "heics", "heif", "heifs", "hif"}
    assert pillow_heif.HeifImageFile.format == "HEIF"
    unjudged = {ext for ext in known if unsupported_reason(f"a.{ext}") is None}
    assert unjudged == NO_PICTURES & known


@given(st.text("aB.jpgPSD", max_size=9))
def test_an_extension_is_what_splitext_takes_for_one(name: str) -> None:
    extension = os.path.splitext(name)[1]
    assert unsupported_reason(name) == unsupported_reason("x" + extension)
