"""Small pictures for pages."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from io import BytesIO

from retrieval.images import ReadLimits
from retrieval.images.decoding import explained, open_file
from retrieval.images.rendering import render


def thumbnail(path: str, side: int, limits: ReadLimits | None = None) -> bytes:
    """Return a WebP of the picture, upright, neither side longer than `side` pixels.

    Raises PictureError, with the reason, for a picture that cannot be read.
    """
    target = partial(_fitted, side=side)
    with explained() as reading, open_file(path) as file, ExitStack() as held:
        small = render(file, limits or ReadLimits(), target, held, reading).picture
        small.thumbnail((side, side))
        out = BytesIO()
        small.save(out, "WEBP", quality=80)
        return out.getvalue()


def _fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return the size of a thumbnail."""
    scale = max(1.0, max(size) / side)
    return max(1, round(size[0] / scale)), max(1, round(size[1] / scale))
