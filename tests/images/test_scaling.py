"""Decoding at a fraction: how small, where the picture then lies, and how near to the whole."""

from __future__ import annotations

import io
from contextlib import ExitStack
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from retrieval.errors import PictureError
from retrieval.images import ReadLimits, budget, opening
from retrieval.images.decoding import decode
from retrieval.images.reasons import Reading
from retrieval.images.rendering import render
from retrieval.images.resizing import scaled_size
from retrieval.images.scaling import Frame, jpeg2000_halvings, jpeg_divisor
from retrieval.specs import Preprocessing, ResizeMode

EXACT = ReadLimits(exact=True)
JPEGS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "full colour": {"subsampling": 0},
    "grey": {},
    "cmyk": {},
}

LYING = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a picture of each orientation is stored."""


def how(size: tuple[int, int] = (32, 32), mode: ResizeMode = "squash") -> Preprocessing:
    return Preprocessing(size, mode, "bicubic", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def scene(width: int, height: int) -> Image.Image:
    """Draw something with edges, surfaces and fine grain, different at every side."""
    picture = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for number in range(9):
        left, top = width * number // 11, height * (number * 5 % 9) // 10
        colour = (number * 28, 255 - number * 28, number * 77 % 256)
        draw.ellipse((left, top, left + width // 4, top + height // 6), fill=colour)
    draw.rectangle((0, 0, width // 10, height), fill="red")
    grain = np.random.default_rng(0).integers(-9, 10, (height, width, 3))
    noisy = np.clip(np.asarray(picture, int) + grain, 0, 255).astype(np.uint8)
    return Image.fromarray(noisy).filter(ImageFilter.GaussianBlur(0.7))


def jpeg(picture: Image.Image, orientation: int = 1, **options: Any) -> io.BytesIO:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=92, exif=exif, **options)
    return file


def apart(file: io.BytesIO, preprocessing: Preprocessing) -> tuple[float, int]:
    """Return mean and greatest difference of a file's scaled and exact pixels, of 255."""
    scaled, info = decode(file, preprocessing, ReadLimits())
    exact, exact_info = decode(file, preprocessing, EXACT)
    assert info == exact_info
    difference = np.abs(scaled.astype(int) - exact)
    return float(difference.mean()), int(difference.max())


def decoded_size(file: io.BytesIO, preprocessing: Preprocessing) -> tuple[int, int]:
    def target(size: tuple[int, int]) -> tuple[int, int]:
        return scaled_size(size, preprocessing)

    with ExitStack() as held:
        return render(file, ReadLimits(), target, held, Reading()).picture.size


sides = st.integers(1, 20000)
targets = st.tuples(st.integers(1, 500), st.integers(1, 500))
modes = st.sampled_from(get_args(ResizeMode))


@given(sides, sides, targets)
@example(4032, 3024, (112, 112))
@example(224, 224, (112, 112))
def test_a_jpeg_is_never_below_twice_its_target(
    width: int, height: int, wanted: tuple[int, int]
) -> None:
    divisor = jpeg_divisor((width, height), wanted)
    assert divisor in (1, 2, 4, 8)
    if divisor > 1:
        least = 4 if divisor == 8 else 2
        assert width / divisor >= least * wanted[0]
        assert height / divisor >= least * wanted[1]


def test_which_divisor() -> None:
    assert jpeg_divisor((4032, 3024), (112, 112)) == 4, "an eighth is 378: not four times 112"
    assert jpeg_divisor((5760, 3840), (112, 112)) == 8
    assert jpeg_divisor((4032, 3024), (298, 224)) == 4
    assert jpeg_divisor((448, 448), (112, 112)) == 2
    assert jpeg_divisor((447, 448), (112, 112)) == 1
    assert jpeg_divisor((224, 224), (112, 112)) == 1


@given(st.integers(1, 300), st.integers(1, 300), targets, modes)
@settings(max_examples=60)
def test_what_comes_out_is_what_was_asked_for(
    width: int, height: int, size: tuple[int, int], mode: ResizeMode
) -> None:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, "JPEG")
    preprocessing = how((size[0] // 10 + 1, size[1] // 10 + 1), mode)
    got = decoded_size(file, preprocessing)
    divisor = jpeg_divisor((width, height), scaled_size((width, height), preprocessing))
    assert got == (-(-width // divisor), -(-height // divisor))


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("mode", get_args(ResizeMode))
@pytest.mark.parametrize("side", [32, 60])
def test_every_kind_of_jpeg_is_nearly_the_same(kind: str, mode: ResizeMode, side: int) -> None:
    picture = scene(523, 401)  # no multiple of anything: the last pixels are parts
    picture = {"grey": picture.convert("L"), "cmyk": picture.convert("CMYK")}.get(kind, picture)
    file = jpeg(picture, **JPEGS[kind])
    assert decoded_size(file, how((side, side), mode)) < picture.size
    mean, most = apart(file, how((side, side), mode))
    assert mean < 1.0
    assert most < 16


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", get_args(ResizeMode))
def test_a_picture_on_its_side_is_scaled_for_how_it_is_seen(
    orientation: int, mode: ResizeMode
) -> None:
    # Four pixels more than a multiple of eight: a frame that were not turned along would be off.
    upright = scene(484, 308)
    turn = LYING[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    file = jpeg(stored, orientation)
    pixels, info = decode(file, how((24, 36), mode), ReadLimits())
    assert (info.width, info.height) == upright.size
    exact, _ = decode(file, how((24, 36), mode), EXACT)
    plain, _ = decode(jpeg(upright), how((24, 36), mode), EXACT)
    assert np.abs(exact.astype(int) - plain).mean() < 2, "the test turns as it should"
    assert np.abs(pixels.astype(int) - exact).mean() < 1.0


@pytest.mark.parametrize("turn", Image.Transpose)
def test_a_frame_turns_with_its_picture(turn: Image.Transpose) -> None:
    picture = Image.new("RGB", (9, 6))
    picture.paste("red", (0, 0, 7, 4))
    frame = Frame((70, 40), (0, 0, 7, 4)).turned(turn, picture.size)
    turned = picture.transpose(turn)
    left, top, right, bottom = map(int, frame.box)
    part = np.asarray(turned.crop((left, top, right, bottom)))
    assert part.reshape(-1, 3).tolist() == [[255, 0, 0]] * 28
    assert (frame.size == (70, 40)) == (turned.size == picture.size)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_part_of_a_pixel_that_lies_outside_does_not_count(orientation: int) -> None:
    # An eighth of 257 pixels is 32 and an eighth of one. Taken for 33, or with the part on the
    # wrong side, all would be shifted by up to 3 % of the width, 7 levels of these ramps.
    ramps = np.zeros((257, 257, 3), np.uint8)
    ramps[..., 0] = np.arange(257)[None] * 255 // 256
    ramps[..., 1] = np.arange(257)[:, None] * 255 // 256
    file = jpeg(Image.fromarray(ramps), orientation, subsampling=0)
    assert decoded_size(file, how((8, 8))) == (33, 33)
    assert apart(file, how((8, 8)))[1] <= 2


def test_small_and_exact_pictures_are_equal_to_the_bit() -> None:
    file = jpeg(scene(224, 224))
    assert apart(file, how((112, 112))) == (0.0, 0)


def test_mpo_is_scaled() -> None:
    picture = scene(512, 400)
    file = io.BytesIO()
    picture.save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48))])
    assert decoded_size(file, how()) == (128, 100)
    assert apart(file, how())[0] < 1.0


@given(sides, sides, targets)
@example(1001, 999, (10, 10))
def test_wavelets_that_are_left_out(width: int, height: int, wanted: tuple[int, int]) -> None:
    divisor = 2 ** jpeg2000_halvings((width, height), wanted)
    if divisor > 1:
        assert width >= 4 * divisor * wanted[0]
        assert height >= 4 * divisor * wanted[1]
        for side in (width, height):  # Pillow's rounding is the decoder's
            assert (side + divisor // 2) // divisor == -(-side // divisor)


@pytest.mark.parametrize("size", [(256, 192), (257, 192), (333, 257)])
@pytest.mark.parametrize("resolutions", [1, 2, 6])
def test_jpeg_2000_of_any_size_and_depth(size: tuple[int, int], resolutions: int) -> None:
    file = io.BytesIO()
    scene(*size).save(file, "JPEG2000", num_resolutions=resolutions)
    mean, _ = apart(file, how((10, 10)))
    assert mean < 2.0
    if size == (256, 192):
        reduced = (64, 48) if resolutions == 6 else size
        assert decoded_size(file, how((10, 10))) == reduced


def test_a_broken_jpeg_2000_has_its_reason() -> None:
    file = io.BytesIO()
    scene(512, 384).save(file, "JPEG2000")
    broken = io.BytesIO(file.getvalue()[:300])
    with pytest.raises(PictureError) as scaled:
        decode(broken, how(), ReadLimits())
    with pytest.raises(PictureError) as exact:
        decode(broken, how(), EXACT)
    assert scaled.value.message == exact.value.message


def test_what_is_allocated_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []

    def admit(pixels: int, size: tuple[int, int], limits: ReadLimits, held: ExitStack) -> None:
        counted.append(pixels)
        budget.admit(pixels, size, limits, held)

    monkeypatch.setattr(opening, "admit", admit)
    small = ReadLimits(max_megapixels=0.1)
    streamed, buffered = jpeg(scene(512, 384)), jpeg(scene(512, 384), progressive=True)
    decode(streamed, how((40, 40)), small)
    assert counted == [128 * 96]
    for file, limits in ((buffered, small), (streamed, ReadLimits(0.1, exact=True))):
        with pytest.raises(PictureError, match=r"^0\.2 megapixels, more than"):
            decode(file, how((40, 40)), limits)


@pytest.mark.slow
def test_vectors_of_scaled_pictures_are_nearly_those_of_exact_ones() -> None:
    """The promise of the README, for the built-in model: a cosine above 0.998."""
    from retrieval.encoders import open_encoder
    from retrieval.scenes import render as draw

    encoder = open_encoder("pocket", device="torch")
    files = [jpeg(draw(seed, side).image) for seed, side in enumerate((960, 1200, 1600, 2000) * 3)]
    exact, scaled = (
        np.stack([decode(file, encoder.spec.preprocessing, limits)[0] for file in files])
        for limits in (EXACT, ReadLimits())
    )
    assert not (exact == scaled).all(axis=(1, 2, 3)).any()
    cosines = (encoder.encode_images(exact) * encoder.encode_images(scaled)).sum(axis=1)
    assert cosines.min() > 0.998
    assert cosines.mean() > 0.9995
