"""Pictures with something in them: soft blotches, different for every number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def pattern(number: int, size: tuple[int, int] = (120, 80)) -> Image.Image:
    """Return a picture that no other number resembles, coarse things in it and fine ones."""
    random = np.random.default_rng(number)

    def blotches(detail: int) -> Image.Image:
        few = random.integers(0, 256, (detail, detail, 3)).astype(np.uint8)
        return Image.fromarray(few).resize(size, Image.Resampling.BICUBIC)

    return Image.blend(blotches(6), blotches(20), 0.4)


def save(picture: Image.Image, path: Path) -> Path:
    """Write a picture, its folder, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path
