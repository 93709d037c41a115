from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from retrieval.images.modes import to_rgb


def pixel(picture: Image.Image, x: int = 0, y: int = 0) -> Any:
    rgb = to_rgb(picture)
    assert rgb.mode == "RGB"
    assert rgb.size == picture.size
    return rgb.getpixel((x, y))


def filled(mode: str, colour: Any) -> Image.Image:
    return Image.new(mode, (3, 2), colour)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("RGBA", (9, 8, 7, 255), (9, 8, 7)),
        ("RGBA", (0, 0, 0, 128), (127, 127, 127)),
        ("LA", (0, 64), (191, 191, 191)),
        ("RGBX", (5, 6, 7, 0), (5, 6, 7)),
        ("YCbCr", (255, 128, 128), (255, 255, 255)),
    ],
)
def test_eight_bit_modes(mode: str, colour: Any, expected: tuple[int, int, int]) -> None:
    assert pixel(filled(mode, colour)) == expected


def test_an_opaque_rgb_picture_is_not_copied() -> None:
    picture = filled("RGB", "red")
    assert to_rgb(picture) is picture


def test_transparency_is_put_on_white() -> None:
    picture = filled("RGBA", (255, 0, 0, 255))
    picture.putpixel((1, 0), (255, 0, 0, 0))
    assert pixel(picture, 0) == (255, 0, 0)
    assert pixel(picture, 1) == (255, 255, 255)


def test_a_wholly_transparent_picture_keeps_its_colours() -> None:
    assert pixel(filled("RGBA", (10, 20, 30, 0))) == (10, 20, 30)


def test_palettes() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    assert pixel(picture, 1) == (0, 0, 255)
    picture.info["transparency"] = 1
    assert (pixel(picture, 0), pixel(picture, 1)) == ((255, 0, 0), (255, 255, 255))
    picture.info["transparency"] = bytes([255, 128])
    assert pixel(picture, 1) == (127, 127, 255)
    assert pixel(picture.convert("PA")) == (255, 0, 0)


def test_a_transparent_colour_of_a_grey_png() -> None:
    grey = Image.new("L", (2, 1), 10)
    grey.putpixel((1, 0), 200)
    file = io.BytesIO()
    grey.save(file, "PNG", transparency=10)
    with Image.open(file) as picture:
        picture.load()
        assert (pixel(picture, 0), pixel(picture, 1)) == ((255,) * 3, (200,) * 3)


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_sixteen_bits_are_divided_by_257(dtype: str) -> None:
    values = np.arange(65536).reshape(256, 256)
    mode = "I;16" if dtype == "<u2" else "I;16B"
    picture = Image.frombytes(mode, (256, 256), values.astype(dtype).tobytes())
    got = np.asarray(to_rgb(picture))[..., 0]
    np.testing.assert_array_equal(got, np.rint(values / 257))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([1000.0, 2000.0, 3000.0], [0, 128, 255]),
        ([np.nan, np.inf, -np.inf], [0, 255, 0]),
        ([0.0, np.inf, 1.0], [0, 255, 255]),
        ([7e37, -3e38, 3e38], [157, 0, 255]),
        ([5e9, 5e9, 5e9], [0, 0, 0]),
    ],
)
def test_floats(values: list[float], expected: list[int]) -> None:
    picture = Image.fromarray(np.array([values], np.float32))
    assert np.asarray(to_rgb(picture))[0, :, 0].tolist() == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 100, 255], [0, 100, 255]), ([-(2**31), 0, 2**31 - 1], [0, 128, 255])],
)
def test_thirty_two_bit_integers(values: list[int], expected: list[int]) -> None:
    picture = Image.fromarray(np.array([values], np.int32))
    assert np.asarray(to_rgb(picture))[0, :, 0].tolist() == expected


def test_a_deep_pnm_keeps_its_scale() -> None:
    data = b"P5 2 1 65535\n" + np.array([0x0101, 0x8080], ">u2").tobytes()
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert (pixel(picture, 0)[0], pixel(picture, 1)[0]) == (1, 128)


def test_lab() -> None:
    red = Image.new("RGB", (2, 2), (200, 30, 40))
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    picture = ImageCms.profileToProfile(red, srgb, lab, outputMode="LAB")
    assert picture is not None
    assert np.abs(np.subtract(pixel(picture), (200, 30, 40))).max() <= 3
