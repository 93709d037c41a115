"""Pictures to index: drawn scenes with noise, so that their JPEGs have realistic sizes.

The time to decode a JPEG depends on its pixels and its bytes, so both are realistic: web pictures
have about 50 KB, photographs have 12 megapixels and 3 to 5 MB.
"""

from __future__ import annotations

import os

import numpy as np
from bench import made_once, note
from numpy.typing import NDArray
from PIL import Image

from retrieval.scenes import render

_WEB_SIZES = ((640, 480), (480, 640), (500, 375), (333, 500), (612, 612), (320, 240))
_PHOTO_SIZES = ((4000, 3000), (3000, 4000), (4032, 3024))
_SEED = 9_000_000
_DRAWN = 1024


def web_pictures(cache: str, count: int) -> str:
    """Return a folder of `count` JPEGs of at most 640 × 480 pixels."""

    def make(folder: str) -> None:
        for number in range(count):
            size = _WEB_SIZES[number % len(_WEB_SIZES)]
            picture = _cut(render(_SEED + number, max(size)).image, size)
            random = np.random.default_rng(number)
            noise = random.normal(0, 1, (size[1], size[0])).astype(np.float32)
            _save(folder, number, _detailed(picture, 5 * noise), 85)

    return made_once(os.path.join(cache, "pictures", f"web-{count}"), make)


def photographs(cache: str, count: int) -> str:
    """Return a folder of `count` JPEGs of 12 megapixels."""

    def make(folder: str) -> None:
        random = np.random.default_rng(0)
        largest = max(max(size) for size in _PHOTO_SIZES)
        noise = random.normal(0, 1, (largest, largest)).astype(np.float32)
        for number in range(count):
            size = _PHOTO_SIZES[number % len(_PHOTO_SIZES)]
            scene = render(_SEED + number, _DRAWN).image
            side = max(size)
            picture = _cut(scene.resize((side, side), Image.Resampling.BICUBIC), size)
            # Shifting the noise is equivalent to new noise, whose generation would dominate.
            moved = np.roll(noise, int(random.integers(largest)), axis=number % 2)
            strength = random.uniform(4.5, 8)
            _save(folder, number, _detailed(picture, strength * moved[: size[1], : size[0]]), 92)
            if number % 20 == 19:
                note(f"{number + 1} of {count} photographs")

    return made_once(os.path.join(cache, "pictures", f"photographs-{count}"), make)


def question_picture(cache: str) -> str:
    """Return a JPEG of 640 × 480 pixels that is in none of the folders."""

    def make(path: str) -> None:
        _cut(render(_SEED - 1, 640).image, (640, 480)).save(path, quality=85)

    return made_once(os.path.join(cache, "pictures", "question.jpg"), make)


def mean_size(folder: str) -> float:
    """Return the mean size of a folder's files in bytes."""
    sizes = [entry.stat().st_size for entry in os.scandir(folder)]
    return sum(sizes) / len(sizes)


def read_through(folder: str) -> int:
    """Read all files into the page cache, so that no program waits for the disk; count them."""
    paths = [entry.path for entry in os.scandir(folder)]
    for path in paths:
        with open(path, "rb") as file:
            file.read()
    return len(paths)


def _cut(square: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Crop the middle of a square picture whose side is the longer one of `size`."""
    left, top = (square.width - size[0]) // 2, (square.height - size[1]) // 2
    return square.crop((left, top, left + size[0], top + size[1]))


def _detailed(picture: Image.Image, noise: NDArray[np.float32]) -> Image.Image:
    """Add noise to every pixel, as camera sensors do."""
    lit = np.asarray(picture, np.float32) + noise[..., None]
    return Image.fromarray(lit.clip(0, 255).astype(np.uint8))


def _save(folder: str, number: int, picture: Image.Image, quality: int) -> None:
    os.makedirs(folder, exist_ok=True)
    picture.save(os.path.join(folder, f"IMG_{number:05}.jpg"), quality=quality)
