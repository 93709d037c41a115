"""Turns an open video into the model's pixels of its moments, or into one frame to be shown."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from typing import IO

from PIL import Image

from retrieval.errors import PictureError
from retrieval.images import PictureInfo, ReadLimits, reasons
from retrieval.images.parts import Part, moment_view
from retrieval.images.resizing import resize
from retrieval.images.videos.reading import DAMAGED, Video, open_video
from retrieval.images.videos.sampling import MOST_MOMENTS
from retrieval.query.fields import Facts
from retrieval.specs import Preprocessing

_MOST_PARTS = 2 * MOST_MOMENTS
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
        sample: Image.Image | None = None
        for frame in video.moments(least):
            sample = sample or frame.picture
            pixels = resize(frame.picture, preprocessing, exact=limits.exact)
            parts.append(Part(moment_view(frame.seconds), pixels))
            if len(parts) > _MOST_PARTS:  # its length was unknown, or everything in it differs
                del parts[1::2]
        if sample is None:
            raise _nothing(video)
        facts = video.facts(sample, video.size)
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
            raise _nothing(video)
        return frame.picture, video.facts(frame.picture, video.size), video.words


def _nothing(video: Video) -> PictureError:
    """Return the error for a video of which no frame was decoded."""
    return PictureError(reasons.too_slow(video.most_s) if video.is_late else DAMAGED)
