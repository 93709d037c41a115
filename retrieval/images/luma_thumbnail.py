"""The luma thumbnail: the whole picture, scaled to a grey square of 24 × 24 pixels (576 bytes).

The search for near duplicates compares luma thumbnails (`retrieval.duplicates.perceptual_hash`,
`retrieval.duplicates.alignment`). The indexer computes one when it decodes the picture for the
model. It shows the whole picture, so it is the same for every model.
"""

from __future__ import annotations

from PIL import Image

from retrieval.images.scaling import Frame

SIDE = 24
"""The side in pixels; a thumbnail is SIDE × SIDE luma values, one byte each, row by row."""


def make_luma_thumbnail(picture: Image.Image, frame: Frame) -> bytes:
    """Return the luma thumbnail of an RGB picture; `frame` is the area of its decoded pixels."""
    size = (SIDE, SIDE)
    small = picture.resize(size, Image.Resampling.BILINEAR, frame.box, reducing_gap=2.0)
    return small.convert("L").tobytes()
