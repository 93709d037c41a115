"""A picture in 576 bytes: the whole of it, squeezed into a small grey square.

It is what near duplicates are told by (`retrieval.duplicates.perceptual_hash`,
`retrieval.duplicates.alignment`). Made while the picture is decoded anyway, of the whole picture,
so that it is the same for every model.
"""

from __future__ import annotations

from PIL import Image

from retrieval.images.scaling import Frame

SIDE = 24
"""The square's side; a sketch is SIDE × SIDE brightnesses, one byte each, row by row."""


def sketch_of(picture: Image.Image, frame: Frame) -> bytes:
    """Return the sketch of an RGB picture; `frame` tells where it lies in its pixels."""
    size = (SIDE, SIDE)
    small = picture.resize(size, Image.Resampling.BILINEAR, frame.box, reducing_gap=2.0)
    return small.convert("L").tobytes()
