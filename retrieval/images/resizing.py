"""Resizing of an RGB picture to a model's input size, exactly as open_clip's transform does it.

The rounding is that of torchvision's `Resize` and `CenterCrop` and of open_clip's
`ResizeKeepRatio` and `CenterCropOrPad`. Both resample with Pillow, so the pixels are identical to
the bit. A test compares them with open_clip.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.images.scaling import Box, Frame
from retrieval.specs import Interpolation, Preprocessing

_FILTERS: dict[Interpolation, Image.Resampling] = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
}
# Up to this many pixels, the whole picture is scaled before the crop. At 224 x 224, that is an
# aspect ratio of about 300 : 1.
_MAX_SCALED_PIXELS = 16_000_000
# Unless `exact`, blocks of pixels are averaged first, down to this many times the target size.
_AVERAGED_DOWN_TO = 4.0


@dataclass(frozen=True, slots=True)
class _Sampling:
    """Parameters of `Image.resize`: the filter, the area of the picture and the reducing gap."""

    filter: Image.Resampling
    box: Box
    gap: float | None


def resize(
    picture: Image.Image,
    preprocessing: Preprocessing,
    frame: Frame | None = None,
    *,
    exact: bool = True,
) -> NDArray[np.uint8]:
    """Return (H, W, 3) uint8 pixels of the model's input size.

    `frame` describes a picture that was decoded at a reduced size. Without it, and with `exact`,
    the result equals open_clip's transform up to its `ToTensor`, with two exceptions. Where
    `shortest` would enlarge a long thin picture to more than 16 million pixels and then crop it,
    only the cropped area is resampled. The result is the same picture but not bit-identical:
    Pillow may do its two passes (horizontal, vertical) in the other order, and it rounds between
    them. Where `longest` gives a side of 0 pixels, which open_clip refuses, the side is 1 pixel.
    """
    height, width = preprocessing.size
    frame = frame or Frame.whole(picture.size)
    scaled = scaled_size(frame.size, preprocessing)
    gap = None if exact else _AVERAGED_DOWN_TO
    how = _Sampling(_FILTERS[preprocessing.interpolation], frame.box, gap)
    if preprocessing.resize_mode == "squash":
        fitted = _scaled(picture, scaled, how)
    elif preprocessing.resize_mode == "longest":
        fitted = _padded(_scaled(picture, scaled, how), (width, height), preprocessing.fill_color)
    else:
        if height != width:
            # open_clip ignores the interpolation here and always uses bicubic.
            how = replace(how, filter=Image.Resampling.BICUBIC)
        fitted = _centre(picture, scaled, (width, height), how)
    return np.array(fitted)


def scaled_size(size: tuple[int, int], preprocessing: Preprocessing) -> tuple[int, int]:
    """Return the (width, height) of a whole picture after scaling, before crop or padding."""
    height, width = preprocessing.size
    if preprocessing.resize_mode == "squash":
        return width, height
    if preprocessing.resize_mode == "longest":
        return _same_aspect(size, (width, height), max)
    if height == width:
        return _short_side_to(size, width)
    return _same_aspect(size, (width, height), min)


def _short_side_to(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Scale the short side to `side`; like torchvision's Resize(int), round the long one down."""
    width, height = size
    if width <= height:
        return side, int(side * height / width)
    return int(side * width / height), side


def _same_aspect(
    size: tuple[int, int], target: tuple[int, int], choose: Callable[[float, float], float]
) -> tuple[int, int]:
    """Scale like open_clip's ResizeKeepRatio; `choose` is min to cover the target, max to fit."""
    ratio = choose(size[1] / target[1], size[0] / target[0])
    return max(1, round(size[0] / ratio)), max(1, round(size[1] / ratio))


def _scaled(picture: Image.Image, size: tuple[int, int], how: _Sampling) -> Image.Image:
    if picture.size == size and how.box == (0, 0, *size):
        return picture
    return picture.resize(size, how.filter, how.box, reducing_gap=how.gap)


def _padded(scaled: Image.Image, target: tuple[int, int], fill: int) -> Image.Image:
    """Centre a picture on a canvas of the target size; an odd pixel goes right or below."""
    canvas = Image.new("RGB", target, (fill, fill, fill))
    canvas.paste(scaled, ((target[0] - scaled.width) // 2, (target[1] - scaled.height) // 2))
    return canvas


def _centre(
    picture: Image.Image,
    scaled: tuple[int, int],
    target: tuple[int, int],
    how: _Sampling,
) -> Image.Image:
    """Scale the picture and crop its centre; like CenterCrop, round halves to even."""
    left = round((scaled[0] - target[0]) / 2.0)
    top = round((scaled[1] - target[1]) / 2.0)
    right, bottom = left + target[0], top + target[1]
    if scaled[0] * scaled[1] <= _MAX_SCALED_PIXELS:
        return _scaled(picture, scaled, how).crop((left, top, right, bottom))
    start_x, start_y, end_x, end_y = how.box
    across, down = (end_x - start_x) / scaled[0], (end_y - start_y) / scaled[1]
    box = (
        start_x + left * across,
        start_y + top * down,
        min(start_x + right * across, end_x),
        min(start_y + bottom * down, end_y),
    )
    return _scaled(picture, target, replace(how, box=box))
