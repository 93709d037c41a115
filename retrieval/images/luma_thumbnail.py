"""A luma thumbnail: the whole picture, scaled down to a small grey square of 576 bytes.

Near duplicates are compared by it (`retrieval.duplicates.perceptual_hash`,
`retrieval.duplicates.alignment`). It is made while the picture is decoded for the model anyway. It
shows the whole picture, so it is the same for every model.
"""

from __future__ import annotations

from PIL import Image

from retrieval.images.scaling import Frame

SIDE = 24
"""The square's side; a thumbnail is SIDE × SIDE brightness values, one byte each, row by row."""


def make_luma_thumbnail(picture: Image.Image, frame: Frame) -> bytes:
    """Return the luma thumbnail of an RGB picture; `frame` is the picture's area in its pixels."""
    size = (SIDE, SIDE)
    small = picture.resize(size, Image.Resampling.BILINEAR, frame.box, reducing_gap=2.0)
    return small.convert("L").tobytes()
