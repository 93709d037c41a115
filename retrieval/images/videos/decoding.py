"""Turns an open video into the model's pixels of its moments, or into one frame to be shown."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from typing import IO

from PIL import Image

from retrieval.errors import PictureError
from retrieval.images import PictureInfo, ReadLimits
from retrieval.images.parts import Part, moment_view
from retrieval.images.resizing import resize
from retrieval.images.videos.reading import DAMAGED, open_video
from retrieval.query.fields import Facts
from retrieval.specs import Preprocessing

_EXACT = 2**20  # no frame is scaled down on the way
_POSTER = 0.3
"""The share of a video after which the frame that stands for it is taken."""


def read_moments(
    file: IO[bytes], format_name: str, preprocessing: Preprocessing, limits: ReadLimits
) -> tuple[PictureInfo, tuple[Part, ...]]:
    """Return the facts of a video and its moments, at least one; raises PictureError."""
    least = _EXACT if limits.exact else max(preprocessing.size)
    with ExitStack() as held, open_video(file, format_name, limits, held) as video:
        parts: list[Part] = []
        facts: Facts | None = None
        for frame in video.moments(least):
            facts = facts or video.facts(frame.picture, video.size)
            pixels = resize(frame.picture, preprocessing, exact=limits.exact)
            parts.append(Part(moment_view(frame.seconds), pixels))
        if facts is None:
            raise PictureError(DAMAGED)
        return PictureInfo(**asdict(facts), words=video.words), tuple(parts)


def frame_to_show(
    file: IO[bytes],
    format_name: str,
    fit: Callable[[tuple[int, int]], tuple[int, int]] | None,
    limits: ReadLimits,
    held: ExitStack,
    at: float | None = None,
) -> tuple[Image.Image, Facts, str]:
    """Return the frame at a time, or the one that stands for the video; its facts and texts.

    `fit` returns the size that it will be resampled to, for its full size; None stands for full
    size. Raises PictureError.
    """
    with open_video(file, format_name, limits, held) as video:
        least = _EXACT if fit is None else max(1, min(fit(video.size)))
        frame = video.frame_at(_POSTER * video.duration if at is None else at, least)
        frame = frame or video.frame_at(0.0, least)
        if frame is None:
            raise PictureError(DAMAGED)
        return frame.picture, video.facts(frame.picture, video.size), video.words
