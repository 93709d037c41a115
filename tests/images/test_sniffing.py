"""Files whose names do not tell: their first bytes do."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retrieval.images.opening import is_picture_head
from retrieval.images.sniffing import is_picture, may_be_picture

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF")


def encoded(format_name: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 10, 10)).save(file, format_name)
    return file.getvalue()


@pytest.mark.parametrize("format_name", FORMATS)
def test_pictures_are_known_by_their_first_bytes(tmp_path: Path, format_name: str) -> None:
    path = tmp_path / "noext"
    path.write_bytes(encoded(format_name))
    assert is_picture(str(path))
    assert may_be_picture(str(path))


@pytest.mark.parametrize("head", [b"P3\n# by hand\n2 2\n255\n", b"P1 2 2 ", b"Pf\n2 2\n-1.0\n"])
def test_written_pixel_maps_are_pictures(head: bytes) -> None:
    assert is_picture_head(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"B",
        b"BM",
        b"BMW is a car, and this is a letter about one that I had when I was young.",
        b"P1 is the plan",
        b"P3: what to do",
        b"Python 3.11",
        b"P\0",
        b"Pf\n",
        b"\x28\0\0\0" + b"\0" * 60,  # a DIB's header, and any record that is 40 bytes long
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\0\0\0\x14ftypM4A ",
        b"\0\0\0\x08wide\0\0\0\0mdat",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\xff\xd8",
    ],
)
def test_other_files_are_no_pictures(head: bytes) -> None:
    assert not is_picture_head(head)


@pytest.mark.parametrize(
    "head", [b"RIFF\0\0\0\0AVI LIST", b"\0\0\0\x14ftypqt  ", b"\0\0\0\x18ftypmp42"]
)
def test_videos_count_where_they_can_be_read(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_picture_head(head)
    monkeypatch.setattr("retrieval.images.opening.can_read", lambda: False)
    assert not is_picture_head(head)


@given(st.binary(max_size=80))
def test_any_bytes_have_an_answer(head: bytes) -> None:
    assert is_picture_head(head) in (True, False)


def test_a_name_is_enough_for_what_cannot_be_read(tmp_path: Path) -> None:
    assert may_be_picture(str(tmp_path / "gone.jpg"))
    assert not may_be_picture(str(tmp_path / "gone"))
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe")
        assert not may_be_picture(str(tmp_path / "pipe"))
