"""A strip of thumbnails as HTML, for notebooks."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from retrieval.errors import PictureError

_SHOWN = 12
_SIDE = 160

_CARD = """<figure style="margin:0;width:{side}px">
<div style="height:{side}px;display:flex;align-items:center;justify-content:center">{picture}</div>
<figcaption title="{path}" style="overflow:hidden;text-overflow:ellipsis;white-space:nowrap">\
{caption}</figcaption></figure>"""


class Thumbnail(NamedTuple):
    """A picture to show: its rank, its files (the first readable one is shown), its confidence.

    `at` is the second of a video to show; None is a frame that stands for it.
    """

    rank: int
    paths: tuple[str, ...]
    confidence: float | None
    at: float | None = None


def strip_of(pictures: Sequence[Thumbnail], notes: Sequence[str]) -> str:
    """Return HTML with thumbnails of the first pictures and notes below them."""
    with ThreadPoolExecutor() as executor:
        cards = list(executor.map(_card, pictures[:_SHOWN]))
    more = len(pictures) - len(cards)
    notes = [*notes, *([f"… and {more:,} more."] if more else [])]
    if not pictures:
        notes.append("No pictures found.")
    lines = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    strip = "".join(cards)
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{strip}</div>{lines}'


def _card(picture: Thumbnail) -> str:
    path = _printable(picture.paths[0])
    confidence = "" if picture.confidence is None else f", {picture.confidence:.0%}"
    return _CARD.format(
        side=_SIDE,
        picture=_image(picture.paths, picture.at),
        path=html.escape(path, quote=True),
        caption=html.escape(f"{picture.rank}. {os.path.basename(path)}{confidence}"),
    )


def _image(paths: Sequence[str], at: float | None) -> str:
    from retrieval.images.isolation.pictures import thumbnail

    reason = ""
    for path in paths:
        try:
            data = base64.b64encode(thumbnail(path, _SIDE, at)).decode("ascii")
        except PictureError as error:
            reason = error.message
        else:
            style = "max-width:100%;max-height:100%"
            return f'<img style="{style}" src="data:image/webp;base64,{data}" alt="">'
    return html.escape(reason)


def _printable(path: str) -> str:
    """Return a path as text; replace bytes that are not UTF-8."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
