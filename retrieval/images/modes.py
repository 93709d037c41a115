"""Conversion of any picture mode to 8-bit RGB, on a white background."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_BITS_PER_SAMPLE = 258  # a TIFF tag
_BLOCK_PIXELS = 1_000_000

_Sample = TypeVar("_Sample", bound=np.generic)


def to_rgb(picture: Image.Image) -> Image.Image:
    """Convert a loaded picture to 8-bit RGB: scale deep samples, flatten transparency on white."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        return _to_eight_bits(picture).convert("RGB")
    if picture.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
        assert converted is not None  # it is None only for in-place conversion
        return converted
    if picture.has_transparency_data:
        return _on_white(picture)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    """Flatten a picture on white, in bands: a large one needs 2 × its memory instead of 5 ×."""
    paper = Image.new("RGB", picture.size, "white")
    most_opaque = 0
    rows = max(1, _BLOCK_PIXELS // picture.width)
    for top in range(0, picture.height, rows):
        band = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        band = band.convert("RGBA")
        alpha = band.getchannel("A")
        paper.paste(band.convert("RGB"), (0, top), mask=alpha)
        most_opaque = max(most_opaque, np.asarray(alpha).max())
    # If every pixel is transparent, the writer left the alpha bytes at zero: ignore them.
    if most_opaque:
        return paper
    del paper  # as large as what comes instead
    return picture.convert("RGB")


def _to_eight_bits(picture: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and float samples to 8 bits.

    The range of 16-bit samples is known. 32-bit samples within 0..255 (floats also: 0..1) keep
    that range; others are stretched between the least and the greatest finite value.
    """
    samples = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        return _scaled(samples, 0.0, _sixteen_bit_maximum(picture))
    if picture.mode == "I" and picture.format == "PPM":
        return _scaled(samples, 0.0, 65535.0)
    low, high = _finite_range(samples)
    if low >= 0.0 and high <= 1.0 and picture.mode == "F":
        return _scaled(samples, 0.0, 1.0)
    if low >= 0.0 and high <= 255.0:
        return _scaled(samples, 0.0, 255.0)
    return _scaled(samples, low, high)


def _sixteen_bit_maximum(picture: Image.Image) -> float:
    """Return the sample value of white: 65535, or less for a TIFF that declares fewer bits."""
    bits = getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))
    return float(2 ** bits[0] - 1) if bits and 8 < bits[0] <= 16 else 65535.0


def _finite_range(samples: NDArray[np.generic]) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for block in _blocks(samples):
        finite = block[np.isfinite(block)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def _scaled(samples: NDArray[np.generic], low: float, high: float) -> Image.Image:
    """Map low..high to 0..255, rounded; NaN becomes 0, infinities become 0 or 255."""
    result = np.empty(samples.shape, np.uint8)
    span = (high - low) or 1.0
    for source, target in zip(_blocks(samples), _blocks(result), strict=True):
        level = (source.astype(np.float64) - low) * (255.0 / span)
        np.nan_to_num(level, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
        target[...] = np.rint(np.clip(level, 0.0, 255.0))
    return Image.fromarray(result)


def _blocks(samples: NDArray[_Sample]) -> list[NDArray[_Sample]]:
    """Return bands of rows (views), so that scaling a large picture needs little extra memory."""
    rows = max(1, _BLOCK_PIXELS // max(1, samples.shape[1]))
    return [samples[start : start + rows] for start in range(0, samples.shape[0], rows)]
