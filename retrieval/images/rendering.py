"""Rendering: an open file becomes a decoded, upright RGB picture with its metadata."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import IO

from PIL import Image

from retrieval.images import ReadLimits
from retrieval.images.descriptions import words_inside
from retrieval.images.metadata import facts_of_picture, turn_of
from retrieval.images.modes import to_rgb
from retrieval.images.opening import Header, open_picture
from retrieval.images.reasons import Reading
from retrieval.images.scaling import Frame, Target
from retrieval.query.fields import Facts


@dataclass(frozen=True, slots=True)
class Rendered:
    """A decoded picture, its area in the decoded pixels (`frame`) and its texts (`words`)."""

    picture: Image.Image
    frame: Frame
    header: Header
    facts: Facts
    words: str


def render(
    file: IO[bytes], limits: ReadLimits, target: Target, held: ExitStack, reading: Reading
) -> Rendered:
    """Decode the first frame, at the smallest size that `target` and `limits` allow.

    `held` holds the picture's share of the memory budget; `reading.format` is set. Exceptions of
    the decoders reach the caller: see `decoding.explained`.
    """
    if limits.exact:
        return _render(file, limits, None, held, reading)
    try:
        return _render(file, limits, target, held, reading)
    except Exception:
        if reading.format != "JPEG2000":
            raise
        # It has fewer resolutions than assumed or is damaged: only full decoding shows which.
        held.close()
        return _render(file, limits, None, held, reading)


def _render(
    file: IO[bytes], limits: ReadLimits, target: Target | None, held: ExitStack, reading: Reading
) -> Rendered:
    picture: Image.Image
    picture, header = open_picture(file, limits, held, target)
    reading.format = header.format
    picture.load()
    frame = header.frame or Frame.whole(picture.size)
    facts = facts_of_picture(picture)
    if header.raw:
        facts = header.raw.facts.completed(facts)
    words = words_inside(picture)
    turn = turn_of(picture, header.raw.orientation if header.raw else 1)
    if turn is not None:
        frame = frame.turned(turn, picture.size)
        picture = picture.transpose(turn)  # the same name for all stages frees the one before
    width, height = frame.size
    facts = replace(facts, format=header.format, width=width, height=height)
    return Rendered(to_rgb(picture), frame, header, facts, words)
