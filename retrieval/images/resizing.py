"""From an RGB picture to a model's input size, exactly as open_clip's own transform does it.

The arithmetic (what is rounded, and how) is torchvision's `Resize` and `CenterCrop` and
open_clip's `ResizeKeepRatio` and `CenterCropOrPad`; the resampling is Pillow's in both, so pixels
come out equal to the bit. A test compares them with open_clip itself.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.specs import Interpolation, Preprocessing

_FILTERS: dict[Interpolation, Image.Resampling] = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
}
# Scaled whole before cropping up to this many pixels: at 224 x 224, an aspect of about 300 : 1.
_MAX_SCALED_PIXELS = 16_000_000


def resize(picture: Image.Image, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return (H, W, 3) pixels of the model's size.

    Equal to open_clip's transform up to its `ToTensor`, with two exceptions. Where `shortest`
    would blow a long thin picture up to more than 16 million pixels only to crop it, the part that
    survives is resampled alone. That is the same picture, but not the same bits: Pillow may take
    its two passes (across, down) in the other order, and rounds in between. Where `longest` would
    give a side of zero, which open_clip refuses, it is one.
    """
    height, width = preprocessing.size
    resample = _FILTERS[preprocessing.interpolation]
    if preprocessing.resize_mode == "squash":
        fitted = _scaled(picture, (width, height), resample)
    elif preprocessing.resize_mode == "longest":
        fitted = _padded(picture, (width, height), resample, preprocessing.fill_color)
    elif height == width:
        fitted = _centre(picture, _short_side_to(picture.size, width), (width, height), resample)
    else:
        # open_clip always takes bicubic here, whatever the interpolation says.
        scaled = _same_aspect(picture.size, (width, height), min)
        fitted = _centre(picture, scaled, (width, height), Image.Resampling.BICUBIC)
    return np.array(fitted)


def _short_side_to(size: tuple[int, int], side: int) -> tuple[int, int]:
    """As torchvision's Resize(int): the long side is rounded down."""
    width, height = size
    if width <= height:
        return side, int(side * height / width)
    return int(side * width / height), side


def _same_aspect(
    size: tuple[int, int], target: tuple[int, int], choose: Callable[[float, float], float]
) -> tuple[int, int]:
    """As open_clip's ResizeKeepRatio; `choose` is min to cover the target, max to fit into it."""
    ratio = choose(size[1] / target[1], size[0] / target[0])
    return max(1, round(size[0] / ratio)), max(1, round(size[1] / ratio))


def _scaled(picture: Image.Image, size: tuple[int, int], resample: Image.Resampling) -> Image.Image:
    return picture if picture.size == size else picture.resize(size, resample)


def _padded(
    picture: Image.Image, target: tuple[int, int], resample: Image.Resampling, fill: int
) -> Image.Image:
    """Scale to fit into the target and put it in the middle; an odd pixel is right or below."""
    scaled = _scaled(picture, _same_aspect(picture.size, target, max), resample)
    canvas = Image.new("RGB", target, (fill, fill, fill))
    canvas.paste(scaled, ((target[0] - scaled.width) // 2, (target[1] - scaled.height) // 2))
    return canvas


def _centre(
    picture: Image.Image,
    scaled: tuple[int, int],
    target: tuple[int, int],
    resample: Image.Resampling,
) -> Image.Image:
    """Scale the picture to `scaled` and crop the middle, rounding halves to even as CenterCrop."""
    left = round((scaled[0] - target[0]) / 2.0)
    top = round((scaled[1] - target[1]) / 2.0)
    right, bottom = left + target[0], top + target[1]
    if scaled[0] * scaled[1] <= _MAX_SCALED_PIXELS:
        return _scaled(picture, scaled, resample).crop((left, top, right, bottom))
    across, down = picture.width / scaled[0], picture.height / scaled[1]
    box = (
        left * across,
        top * down,
        min(right * across, picture.width),
        min(bottom * down, picture.height),
    )
    return picture.resize(target, resample, box=box)
