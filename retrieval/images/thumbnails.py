"""Small copies of pictures: thumbnails for web pages, and pixels for text recognition."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.images import ReadLimits
from retrieval.images.decoding import explained, open_file
from retrieval.images.placeholder import placeholder_of
from retrieval.images.rendering import render
from retrieval.images.sources.reading import picture_bytes

Kind = Literal["WEBP", "JPEG"]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """An encoded thumbnail, and the placeholder of the picture (`images.placeholder`)."""

    data: bytes
    placeholder: bytes


def thumbnail(
    path: str, side: int, limits: ReadLimits | None = None, at: float | None = None
) -> bytes:
    """Return an upright WebP thumbnail of a picture file; both sides are at most `side` pixels.

    Of a video, it shows the frame at second `at`, or one that stands for the video.
    The picture may be in an archive or at an address (`images.places`). Raises PictureError with
    the reason if it cannot be read.
    """
    data = picture_bytes(path)
    if data is not None:
        return thumbnail_of(BytesIO(data), side, limits, at=at).data
    with explained(), open_file(path) as file:
        return thumbnail_of(file, side, limits, at=at).data


def thumbnail_of(
    file: IO[bytes],
    side: int,
    limits: ReadLimits | None = None,
    kind: Kind = "WEBP",
    at: float | None = None,
) -> Thumbnail:
    """Return a WebP or JPEG thumbnail of an open picture file: see `thumbnail`."""
    target = partial(fitted, side=side)
    with explained() as reading, ExitStack() as held:
        small = render(file, limits or ReadLimits(), target, held, reading, at).picture
        small.thumbnail((side, side))
        out = BytesIO()
        small.save(out, kind, quality=80)
        return Thumbnail(out.getvalue(), placeholder_of(small))


def small_picture(path: str, side: int, limits: ReadLimits) -> NDArray[np.uint8]:
    """Return (H, W, 3) uint8 RGB pixels, both sides at most `side`; raises PictureError."""
    data = picture_bytes(path)
    if data is not None:
        return small_picture_of(BytesIO(data), side, limits)
    with explained(), open_file(path) as file:
        return small_picture_of(file, side, limits)


def small_picture_of(file: IO[bytes], side: int, limits: ReadLimits) -> NDArray[np.uint8]:
    """Return the pixels of an open picture file: see `small_picture`."""
    target = partial(fitted, side=side)
    with explained() as reading, ExitStack() as held:
        small = render(file, limits, target, held, reading).picture
        small.thumbnail((side, side))
        return np.asarray(small, np.uint8)


def fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return a size, scaled down so that both sides are at most `side` pixels."""
    scale = max(1.0, max(size) / side)
    return max(1, round(size[0] / scale)), max(1, round(size[1] / scale))
