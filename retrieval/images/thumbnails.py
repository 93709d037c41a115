"""Small pictures for pages."""

from __future__ import annotations

from contextlib import ExitStack
from io import BytesIO

from retrieval.images import ReadLimits
from retrieval.images.decoding import explained, open_file
from retrieval.images.metadata import upright
from retrieval.images.modes import to_rgb
from retrieval.images.opening import open_picture


def thumbnail(path: str, side: int, limits: ReadLimits | None = None) -> bytes:
    """Return a WebP of the picture, upright, neither side longer than `side` pixels.

    Raises PictureError, with the reason, for a picture that cannot be read.
    """
    with explained(), open_file(path) as file, ExitStack() as held:
        picture = open_picture(file, limits or ReadLimits(), held)
        # A JPEG is decoded at a fraction of its size when that is still twice what is needed.
        picture.draft("RGB", (2 * side, 2 * side))
        small = to_rgb(upright(picture))
        small.thumbnail((side, side))
        out = BytesIO()
        small.save(out, "WEBP", quality=80)
        return out.getvalue()
