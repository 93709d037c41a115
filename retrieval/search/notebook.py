"""Hits as a strip of thumbnails, for notebooks."""

from __future__ import annotations

import base64
import html
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from retrieval.errors import PictureError

if TYPE_CHECKING:
    from retrieval.search.results import Hit, SearchResult

_SHOWN = 12
_SIDE = 160

_CARD = """<figure style="margin:0;width:{side}px">
<div style="height:{side}px;display:flex;align-items:center;justify-content:center">{picture}</div>
<figcaption title="{path}" style="overflow:hidden;text-overflow:ellipsis;white-space:nowrap">\
{caption}</figcaption></figure>"""


def strip_of(result: SearchResult) -> str:
    """Return HTML with thumbnails of the first hits, and the notes of the answer."""
    with ThreadPoolExecutor() as executor:
        cards = list(executor.map(_card, result.hits[:_SHOWN]))
    more = len(result.hits) - len(cards)
    notes = [*result.notes, *([f"… and {more:,} more."] if more else [])]
    if not result.hits:
        notes.append("No pictures found.")
    lines = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    strip = "".join(cards)
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{strip}</div>{lines}'


def _card(hit: Hit) -> str:
    name = os.path.basename(hit.path)
    sure = "" if hit.confidence is None else f", {hit.confidence:.0%}"
    return _CARD.format(
        side=_SIDE,
        picture=_picture(hit),
        path=html.escape(_printable(hit.path), quote=True),
        caption=html.escape(f"{hit.rank}. {_printable(name)}{sure}"),
    )


def _picture(hit: Hit) -> str:
    from retrieval.images.thumbnails import thumbnail

    reason = "it is not there"
    for path in (hit.path, *hit.copies):
        try:
            data = base64.b64encode(thumbnail(path, _SIDE)).decode("ascii")
        except PictureError as error:
            reason = error.message
        else:
            style = "max-width:100%;max-height:100%"
            return f'<img style="{style}" src="data:image/webp;base64,{data}" alt="">'
    return html.escape(reason)


def _printable(path: str) -> str:
    """Return a path as text: bytes that are not UTF-8 cannot be shown."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
