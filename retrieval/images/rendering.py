"""Rendering: an open file becomes a decoded, upright RGB picture with its metadata."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import IO

from PIL import Image

from retrieval.images import ReadLimits
from retrieval.images.descriptions import description_of
from retrieval.images.mending import jpeg_without_end, png_without_bad_metadata, with_end
from retrieval.images.metadata import facts_of_picture, turn_of
from retrieval.images.modes import to_rgb
from retrieval.images.opening import Header, open_picture, video_format
from retrieval.images.reasons import Reading, TooManyPixelsError, TransientError
from retrieval.images.scaling import Frame, Target
from retrieval.query.fields import Facts

_STRIP = 256


@dataclass(frozen=True, slots=True)
class Rendered:
    """A decoded picture, its area in the decoded pixels (`frame`) and its texts (`words`)."""

    picture: Image.Image
    frame: Frame
    header: Header
    facts: Facts
    words: str


def render(
    file: IO[bytes],
    limits: ReadLimits,
    target: Target,
    held: ExitStack,
    reading: Reading,
    at: float | None = None,
) -> Rendered:
    """Decode the first frame, at the smallest size that `target` and `limits` allow.

    Of a video, it is the frame at second `at`, or one that stands for the video.

    `held` holds the picture's share of the memory budget; `reading.format` is set. Exceptions of
    the decoders reach the caller: see `decoding.explained`. Damaged metadata and a missing end
    marker do not make a picture fail (`mending`).
    """
    scaled = None if limits.exact else target
    if video_format(file):
        return _render(file, limits, scaled, held, reading, at)
    try:
        return _render(file, limits, scaled, held, reading)
    except (MemoryError, TooManyPixelsError, TransientError):
        raise
    except Exception as error:
        held.close()
        if reading.format == "JPEG2000" and scaled is not None:
            # It has fewer resolutions than assumed or is damaged: only full decoding shows which.
            return _render(file, limits, None, held, reading)
        mended = _mended(file, limits, held)
        if mended is None:
            raise
        try:
            return _render(mended, limits, scaled, held, reading)
        except (MemoryError, TooManyPixelsError, TransientError):
            raise
        except Exception:  # the damage is in the picture itself
            raise error from None


def _mended(file: IO[bytes], limits: ReadLimits, held: ExitStack) -> IO[bytes] | None:
    """Return a stream with the whole picture if only something beside its pixels is damaged."""
    png = png_without_bad_metadata(file)
    if png is not None:
        return png
    data = jpeg_without_end(file)
    if data is None:
        return None
    try:
        digests = {
            _pixel_digest(with_end(data, noisy=noisy), limits, held) for noisy in (False, True)
        }
    except Exception:  # a damaged file can raise anything
        return None
    return with_end(data) if len(digests) == 1 else None


def _pixel_digest(file: IO[bytes], limits: ReadLimits, held: ExitStack) -> bytes:
    """Return a digest of a picture's pixels at full size."""
    with held:
        picture, _ = open_picture(file, limits, held)
        picture.load()
        digest = hashlib.sha256()
        for top in range(0, picture.height, _STRIP):
            strip = picture.crop((0, top, picture.width, min(top + _STRIP, picture.height)))
            digest.update(strip.tobytes())
        return digest.digest()


def _render(
    file: IO[bytes],
    limits: ReadLimits,
    target: Target | None,
    held: ExitStack,
    reading: Reading,
    at: float | None = None,
) -> Rendered:
    picture, header = open_picture(file, limits, held, target, at)
    reading.format = header.format
    picture.load()
    frame = header.frame or Frame.whole(picture.size)
    facts, words = told_by(picture, header)
    turn = turn_of(picture, header.raw.orientation if header.raw else 1)
    if turn is not None:
        frame = frame.turned(turn, picture.size)
        picture = picture.transpose(turn)  # the same name for all stages frees the one before
    width, height = frame.size
    facts = replace(facts, format=header.format, width=width, height=height)
    return Rendered(to_rgb(picture), frame, header, facts, words)


def read_header(
    file: IO[bytes], limits: ReadLimits, held: ExitStack, reading: Reading
) -> tuple[Facts, str]:
    """Return the facts and texts of a picture without decoding it, as far as its format allows."""
    picture, header = open_picture(file, limits, held)
    reading.format = header.format
    return told_by(picture, header)


def told_by(picture: Image.Image, header: Header) -> tuple[Facts, str]:
    """Return the facts in an opened picture, except its size, and its texts.

    What the camera wrote comes first, then what other programs did.
    """
    if header.video:
        return header.video.facts, header.video.words
    facts = facts_of_picture(picture)
    if header.raw:
        facts = header.raw.facts.completed(facts)
    description = description_of(picture)
    return facts.completed(description.facts), description.words
