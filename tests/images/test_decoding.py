from __future__ import annotations

import hashlib
import io
import os
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.waiting import WAIT_S

from retrieval.errors import PictureError
from retrieval.images import (
    Picture,
    PictureInfo,
    Problem,
    ReadLimits,
    decoding,
    opening,
    reasons,
    silenced,
)
from retrieval.images.budget import PixelBudget
from retrieval.images.decoding import decode, pixels_from_bytes, read_picture
from retrieval.specs import Preprocessing

LIMITS = ReadLimits()
FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95},
    "MPO": {"quality": 95},
    "PNG": {},
    "WEBP": {"lossless": True},
    "GIF": {},
    "TIFF": {"compression": "tiff_lzw"},
    "BMP": {},
    "DIB": {},
    "PPM": {},
    "JPEG2000": {},
    "AVIF": {"quality": 95},
}


def encoded(picture: Image.Image, format_name: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_name, **options)
    return file.getvalue()


def wanted(digest: bytes) -> bool:
    return True


def write(folder: Path, data: bytes, name: str = "x.jpg") -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format(
    format_name: str, quadrants: Image.Image, preprocessing: Preprocessing, tmp_path: Path
) -> None:
    options = dict(FORMATS[format_name])
    if format_name == "MPO":
        options.update(save_all=True, append_images=[Image.new("RGB", (64, 48))])
    path = write(tmp_path, encoded(quadrants, format_name, **options), "wrong.ext")
    got = read_picture(path, preprocessing, LIMITS, wanted)
    assert isinstance(got, Picture), got
    # A JPEG with a second picture inside is a JPEG to everyone but Pillow.
    shown = "JPEG" if format_name == "MPO" else format_name
    assert got.info == PictureInfo(format=shown, width=64, height=48)
    assert got.pixels is not None
    centres = got.pixels[8:32:16, 8:32:16].reshape(4, 3).astype(int)
    expected = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
    assert np.abs(centres - expected).max() < 12


def test_a_jpeg_whose_second_picture_is_cut_short_is_a_jpeg(
    quadrants: Image.Image, preprocessing: Preprocessing
) -> None:
    data = encoded(
        quadrants, "MPO", save_all=True, append_images=[Image.effect_noise((64, 48), 90)]
    )
    pixels, info = decode(io.BytesIO(data[:-400]), preprocessing, LIMITS)
    assert info == PictureInfo(format="JPEG", width=64, height=48)
    np.testing.assert_array_equal(pixels, pixels_from_bytes(data, preprocessing))


def test_heic(quadrants: Image.Image, preprocessing: Preprocessing, tmp_path: Path) -> None:
    file = io.BytesIO()
    try:
        pillow_heif.from_pillow(quadrants).save(file, quality=90)
    except (RuntimeError, OSError) as error:
        pytest.skip(f"this pillow-heif has no HEVC encoder: {error}")
    got = read_picture(write(tmp_path, file.getvalue()), preprocessing, LIMITS, wanted)
    assert isinstance(got, Picture), got
    assert got.info == PictureInfo(format="HEIF", width=64, height=48)


@pytest.mark.parametrize("format_name", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_the_first_frame_of_an_animation(format_name: str, preprocessing: Preprocessing) -> None:
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    data = encoded(first, format_name, save_all=True, append_images=[second])
    pixels = pixels_from_bytes(data, preprocessing)
    assert np.abs(pixels.astype(int) - (255, 0, 0)).max() < 12


def test_digest_size_and_time_of_a_file(
    quadrants: Image.Image, preprocessing: Preprocessing, tmp_path: Path
) -> None:
    data = encoded(quadrants)
    path = write(tmp_path, data)
    os.utime(path, ns=(5, 1_500_000_000_987_654_321))
    got = read_picture(path, preprocessing, LIMITS, wanted)
    assert isinstance(got, Picture)
    assert got.sha256 == hashlib.sha256(data).digest()
    assert (got.size, got.mtime_ns) == (len(data), os.stat(path).st_mtime_ns)
    np.testing.assert_array_equal(got.pixels, pixels_from_bytes(data, preprocessing))


def test_known_content_is_not_decoded(
    preprocessing: Preprocessing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "decode", None)
    asked: list[bytes] = []

    def unwanted(digest: bytes) -> bool:
        asked.append(digest)
        return False

    path = write(tmp_path, b"whatever")
    got = read_picture(path, preprocessing, LIMITS, unwanted)
    assert isinstance(got, Picture)
    assert (got.pixels, got.info) == (None, None)
    assert asked == [got.sha256] == [hashlib.sha256(b"whatever").digest()]


def test_what_wanted_raises_is_the_caller_s(preprocessing: Preprocessing, tmp_path: Path) -> None:
    def wanted(digest: bytes) -> bool:
        raise LookupError("the catalogue is closed")

    with pytest.raises(LookupError):
        read_picture(write(tmp_path, b"x"), preprocessing, LIMITS, wanted)


def test_a_large_file_is_streamed_with_the_same_result(
    quadrants: Image.Image,
    preprocessing: Preprocessing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for format_name in ("JPEG", "TIFF", "WEBP", "AVIF"):
        path = write(tmp_path, encoded(quadrants, format_name))
        small = read_picture(path, preprocessing, LIMITS, wanted)
        with monkeypatch.context() as patch:
            patch.setattr(decoding, "_IN_MEMORY_BYTES", 10)
            large = read_picture(path, preprocessing, LIMITS, wanted)
        assert isinstance(small, Picture)
        assert isinstance(large, Picture)
        assert (small.sha256, small.info) == (large.sha256, large.info)
        np.testing.assert_array_equal(small.pixels, large.pixels)


def test_reasons(quadrants: Image.Image, preprocessing: Preprocessing, tmp_path: Path) -> None:
    whole = encoded(quadrants, "JPEG", quality=100)
    png = encoded(Image.effect_noise((64, 64), 90))
    for data, meaning in (
        (b"", "empty"),
        (b"Dear diary", "not a picture"),
        (b"\n<!DOCTYPE html><title>404", "web page"),
        (whole[: len(whole) // 2], "truncated"),
        (png[: len(png) // 2], "truncated"),
        (whole[:2] + b"\xff" + b"\0" * 40, "damaged JPEG"),
        (b"GIF89a" + b"\0" * 40, "damaged GIF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a picture"),
    ):
        path = write(tmp_path, data)
        mtime_ns = os.stat(path).st_mtime_ns
        got = read_picture(path, preprocessing, LIMITS, wanted)
        assert isinstance(got, Problem)
        assert meaning in got.reason
        assert got == Problem(got.reason, "bad", len(data), mtime_ns)
        with pytest.raises(PictureError) as raised:
            pixels_from_bytes(data, preprocessing)
        if data:
            assert raised.value.message == got.reason


def test_no_file(preprocessing: Preprocessing, tmp_path: Path) -> None:
    got = read_picture(str(tmp_path / "gone.jpg"), preprocessing, LIMITS, wanted)
    assert got == Problem("no such file or folder", "transient")
    got = read_picture(str(tmp_path), preprocessing, LIMITS, wanted)
    assert got == Problem(reasons.NOT_A_FILE, "transient")


@pytest.mark.skipif(os.name != "posix", reason="needs a named pipe")
def test_a_pipe_does_not_hang(preprocessing: Preprocessing, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.jpg")
    got = read_picture(str(tmp_path / "x.jpg"), preprocessing, LIMITS, wanted)
    assert got == Problem(reasons.NOT_A_FILE)


@pytest.mark.parametrize("in_memory", [2**20, 10])
def test_a_file_that_changes_while_it_is_read(
    in_memory: int,
    quadrants: Image.Image,
    preprocessing: Preprocessing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoding, "_IN_MEMORY_BYTES", in_memory)
    path = write(tmp_path, encoded(quadrants))
    hashed = decoding._hashed

    def hashed_and_changed(*given: Any) -> Any:
        result = hashed(*given)
        with open(path, "ab") as growing:
            growing.write(b"more")
        return result

    monkeypatch.setattr(decoding, "_hashed", hashed_and_changed)
    got = read_picture(path, preprocessing, LIMITS, wanted)
    assert got == Problem(reasons.CHANGED, "transient")


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (MemoryError(), "not enough memory"),
        (OSError(5, "Input/output error"), "read error"),
    ],
)
def test_what_is_not_the_picture_s_fault_is_transient(
    error: Exception,
    meaning: str,
    quadrants: Image.Image,
    preprocessing: Preprocessing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise error

    path = write(tmp_path, encoded(quadrants))
    for place in ("_hashed", "render", "resize"):
        with monkeypatch.context() as patch:
            patch.setattr(decoding, place, fail)
            got = read_picture(path, preprocessing, LIMITS, wanted)
        assert isinstance(got, Problem)
        assert meaning in got.reason
        assert got.kind == "transient"


def test_the_limit_decides_and_not_pillow_s(
    quadrants: Image.Image, preprocessing: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for format_name in ("PNG", "WEBP", "TIFF", "GIF", "JPEG"):
        data = encoded(quadrants, format_name)
        pixels_from_bytes(data, preprocessing)
        assert Image.MAX_IMAGE_PIXELS == 1000
        with pytest.raises(PictureError, match=r"^0.1 megapixels, more than the limit of 0.003 \("):
            pixels_from_bytes(data, preprocessing, ReadLimits(max_megapixels=0.003))


@given(st.integers(1, 16383), st.integers(1, 16383))
def test_the_canvas_of_a_webp_is_read_from_its_head(width: int, height: int) -> None:
    lossy = b"RIFF....WEBPVP8 ....\0\0\0\x9d\x01\x2a"
    lossy += width.to_bytes(2, "little") + height.to_bytes(2, "little")
    assert opening.webp_canvas(lossy) == (width, height)
    bits = (width - 1) | (height - 1) << 14
    lossless = b"RIFF....WEBPVP8L....\x2f" + bits.to_bytes(4, "little") + b"...."
    assert opening.webp_canvas(lossless) == (width, height)
    extended = b"RIFF....WEBPVP8X........"
    extended += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    assert opening.webp_canvas(extended) == (width, height)
    for head in (lossy, lossless, extended):
        assert opening.webp_canvas(head[:20]) is None


@given(st.binary(max_size=80), st.sampled_from([b"", b"GIF89a", b"\xff\xd8\xff", b"BM", b"P6 "]))
def test_no_bytes_raise_anything_but_a_picture_error(data: bytes, start: bytes) -> None:
    preprocessing = Preprocessing((4, 4), "shortest", "bicubic", (0, 0, 0), (1, 1, 1))
    try:
        pixels = pixels_from_bytes(start + data, preprocessing, ReadLimits(max_megapixels=1))
    except PictureError as error:
        reason = error.message
    else:
        reason = "none"
        assert pixels.shape == (4, 4, 3)
    assert reason
    assert "0x" not in reason


def test_warnings_are_silent_only_in_a_thread_that_reads() -> None:
    inside, checked = threading.Event(), threading.Event()

    def read() -> None:
        with silenced.silenced():
            warnings.warn("from a decoder", UserWarning, stacklevel=1)
            inside.set()
            checked.wait(WAIT_S)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reader = threading.Thread(target=read)
        reader.start()
        inside.wait(WAIT_S)
        warnings.warn("from the program", UserWarning, stacklevel=1)
        checked.set()
        reader.join()
        warnings.warn("later", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["from the program", "later"]


def test_the_budget_bounds_what_is_decoded_at_once() -> None:
    budget = PixelBudget(100)
    lock, now, most = threading.Lock(), 0, 0

    def work(pixels: int) -> None:
        nonlocal now, most
        with budget.hold(pixels):
            with lock:
                now += pixels
                most = max(most, now)
            time.sleep(0.002)
            with lock:
                now -= pixels

    threads = [threading.Thread(target=work, args=(p,)) for p in [30, 60, 100, 10, 50] * 6]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert most <= 100
    with budget.hold(10**9):  # larger than the budget: alone, but not refused
        pass
    with pytest.raises(ZeroDivisionError), budget.hold(100):
        raise ZeroDivisionError
    with budget.hold(100):
        pass


@pytest.mark.skipif(os.name != "posix", reason="needs sparse files")
def test_a_file_too_large_for_any_picture_is_not_read(
    preprocessing: Preprocessing, tmp_path: Path
) -> None:
    path = tmp_path / "sparse.jpg"
    Image.new("RGB", (20, 20)).save(path)
    os.truncate(path, 2**40)
    result = read_picture(str(path), preprocessing, LIMITS, wanted)
    assert isinstance(result, Problem)
    assert "1,100 GB" in result.reason
    assert "--max-megapixels" in result.reason
    assert result.kind == "bad"
    assert result.megapixels == pytest.approx(2**40 / 64e6)


def test_a_huge_file_of_something_else_is_not_even_hashed(
    preprocessing: Preprocessing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("hashed")

    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(decoding._IN_MEMORY_BYTES + 1)
    monkeypatch.setattr(decoding, "_hashed", never)
    result = read_picture(str(path), preprocessing, LIMITS, wanted)
    assert isinstance(result, Problem)
    assert result.reason == reasons.NOT_A_PICTURE
    assert (result.kind, result.size) == ("bad", decoding._IN_MEMORY_BYTES + 1)
