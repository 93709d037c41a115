from __future__ import annotations

import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from retrieval.images import resizing
from retrieval.images.resizing import resize
from retrieval.specs import Interpolation, Preprocessing, ResizeMode


def how(
    size: tuple[int, int],
    mode: ResizeMode,
    interpolation: Interpolation = "bicubic",
    fill: int = 0,
) -> Preprocessing:
    return Preprocessing(size, mode, interpolation, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), fill)


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(values)


modes = st.sampled_from(get_args(ResizeMode))
interpolations = st.sampled_from(get_args(Interpolation))
sides = st.integers(1, 90) | st.integers(1, 700)
targets = st.tuples(st.integers(1, 64), st.integers(1, 64)) | st.integers(1, 64).map(
    lambda side: (side, side)
)


@pytest.mark.slow
@settings(max_examples=300)
@given(sides, sides, targets, modes, interpolations, st.integers(0, 255))
@example(1, 3000, (32, 32), "shortest", "bicubic", 0)
@example(3000, 1, (32, 32), "shortest", "bilinear", 0)
@example(31, 32, (32, 32), "shortest", "bicubic", 0)
@example(640, 427, (24, 32), "shortest", "bilinear", 0)
@example(33, 500, (32, 32), "longest", "bicubic", 114)
@example(32, 32, (32, 32), "squash", "bicubic", 0)
def test_pixels_equal_open_clip_to_the_bit(
    width: int,
    height: int,
    size: tuple[int, int],
    mode: ResizeMode,
    interpolation: Interpolation,
    fill: int,
) -> None:
    transform_of = pytest.importorskip("open_clip.transform")
    config = transform_of.PreprocessCfg(
        size=size,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        interpolation=interpolation,
        resize_mode=mode,
        fill_color=fill,
    )
    picture = noise(width, height)
    try:
        tensor = transform_of.image_transform_v2(config, is_train=False)(picture)
    except ValueError as error:
        assert (mode, str(error)) == ("longest", "height and width must be > 0")  # noqa: PT017
        return
    expected = (tensor * 255).round().byte().permute(1, 2, 0).numpy()
    got = resize(picture, how(size, mode, interpolation, fill))
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, expected)


@given(st.integers(1, 40), st.integers(1, 40), targets, modes, interpolations)
def test_any_picture_becomes_the_model_s_size(
    width: int, height: int, size: tuple[int, int], mode: ResizeMode, interpolation: Interpolation
) -> None:
    got = resize(noise(width, height), how(size, mode, interpolation))
    assert got.shape == (*size, 3)
    assert got.flags.c_contiguous
    assert got.flags.writeable


@pytest.mark.parametrize("size", [(5000, 11), (11, 5000), (3000, 13), (640, 480)])
@pytest.mark.parametrize("target", [(32, 32), (24, 40)])
@pytest.mark.parametrize("interpolation", get_args(Interpolation))
def test_resampling_the_surviving_part_alone_differs_by_the_rounding_between_passes(
    size: tuple[int, int],
    target: tuple[int, int],
    interpolation: Interpolation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each pixel is unlike its neighbours, the worst case; half the contrast, so nothing clips.
    picture = noise(*size).point(lambda value: 64 + value // 2)
    whole = resize(picture, how(target, "shortest", interpolation)).astype(int)
    monkeypatch.setattr(resizing, "_MAX_SCALED_PIXELS", 0)
    part = resize(picture, how(target, "shortest", interpolation)).astype(int)
    assert np.abs(whole - part).max() <= 2


def test_a_side_that_would_vanish_is_one_pixel() -> None:
    got = resize(Image.new("RGB", (1, 30000), "red"), how((32, 32), "longest", fill=7))
    assert (got[:, 15] == (255, 0, 0)).all()
    assert (got[:, 16:] == 7).all()


@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss in kilobytes")
def test_an_extreme_aspect_does_not_blow_up() -> None:
    program = (
        "import resource\n"
        "from PIL import Image\n"
        "from retrieval.images.resizing import resize\n"
        "from retrieval.specs import Preprocessing\n"
        "p = Preprocessing((224, 224), 'shortest', 'bicubic', (0, 0, 0), (1, 1, 1))\n"
        "resize(Image.new('RGB', (9, 9)), p)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for size in ((1, 30000), (30000, 1), (1, 10**6)):\n"
        "    assert (resize(Image.new('RGB', size, 'red'), p) == (255, 0, 0)).all()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 50_000  # kilobytes
