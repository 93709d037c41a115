"""Search results as lines of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import click

from retrieval.commands.terminal import (
    confidence_text,
    home_relative,
    human_bytes,
    link,
    plural,
    shown,
)
from retrieval.query.fields import PictureFacts, names_of_people, place_name
from retrieval.search.results import Hit, SearchResult

Paint = Callable[..., str]
"""Styles a text as `click.style` does, or leaves it as it is."""

_LIKELY, _UNLIKELY = 0.7, 0.3  # confidences


def table(
    result: SearchResult,
    width: int | None = None,
    *,
    filtered: bool = False,
    more: bool = False,
) -> Iterator[str]:
    """Yield the lines of a table; paths that do not fit into `width` columns lose their middle.

    `width` is None outside a terminal; in one, paths are links, and lines are styled. `more` says
    that a larger limit would list more pictures.
    """
    paint: Paint = click.style if width is not None else _plain
    if not result.hits:
        yield _nothing(result, filtered=filtered)
        return
    words = any(hit.confidence is None and hit.match for hit in result.hits)
    columns = 8 if words else 4
    scores = f"{'score':>6}  {'sure':>{columns}}  " if result.scored else ""
    ids = max(len(f"{hit.id}") for hit in result.hits)
    yield paint(
        f"{'#':>3}  {'id':>{ids}}  {scores}{'date':>11}  {'pixels':>11}  {'size':>7}  picture",
        dim=True,
    )
    for hit in result.hits:
        number, number_of_id = f"{hit.rank:3d}", f"{hit.id:{ids}d}"
        marks = _scores(hit, columns) if result.scored else ""
        facts = f"{day(hit):>11}  {f'{hit.width}×{hit.height}':>11}  {human_bytes(hit.size):>7}"
        front = f"{number}  {number_of_id}  {marks}{facts}  "
        tail = _tail(hit)
        path = shown(home_relative(hit.path))
        if width is not None:
            path = _shortened(path, width - len(front) - len(tail))
            marks = paint(marks, **_confidence_style(hit))
            front = f"{paint(number, bold=True)}  {paint(number_of_id, dim=True)}  {marks}{facts}  "
            path = link(_path(path, paint), hit.path)
        yield front + path + paint(tail, dim=True)
        for snippet in hit.texts:
            yield f"{'':5}{paint(f'{snippet.source}:', fg='cyan')} {shown(snippet.text)}"
        for term in hit.terms:
            yield (
                f"{'':5}{term.contribution:+6.3f}  {shown(term.term)} (cosine {term.cosine:.3f})"
            )
    if more and not result.scored:
        yield f"Showing {_count(result)} of {result.searched:,}. Use -k for more."


def _plain(text: str, **_style: object) -> str:
    return text


def _confidence_style(hit: Hit) -> dict[str, Any]:
    """Return how a hit's score looks: green is very likely right, dim is unlikely."""
    share = hit.confidence
    if hit.match == "strong" or (share is not None and share >= _LIKELY):
        return {"fg": "green"}
    if hit.match == "weak" or (share is not None and share < _UNLIKELY):
        return {"dim": True}
    return {}


def _path(path: str, paint: Paint) -> str:
    """Return a path whose folder stands back behind the name."""
    folder, slash, name = path.rpartition("/")
    return (paint(folder + slash, dim=True) if slash else "") + name


def _count(result: SearchResult) -> str:
    groups = sum(hit.group is not None for hit in result.hits)
    return plural(groups, "group") if groups else f"{len(result.hits):,}"


def _nothing(result: SearchResult, *, filtered: bool) -> str:
    if result.searched:
        return "No results: no other picture in the library is close enough."
    if filtered:
        return "No pictures match the filter."
    return "The library has no pictures yet. Add some with: pixtrieve index FOLDER"


def _scores(hit: Hit, columns: int) -> str:
    return f"{hit.score:6.3f}  {confidence_text(hit):>{columns}}  "


def _tail(hit: Hit) -> str:
    """Return the best moment, a mark for favourites, and what a hit stands for: copies, group."""
    copies = plural(len(hit.copies), "copy", "copies")
    others = len(hit.group.others) if hit.group else 0
    return "".join(
        (
            "" if hit.at is None else f"  at {clock(hit.at)}",
            "  ♥" if hit.favourite else "",
            f"  (+{copies})" if hit.copies else "",
            f"  {shown(_group_name(hit))}",
            f"  (+{others:,} more)" if others else "",
        )
    ).rstrip()


def _group_name(hit: Hit) -> str:
    """Return the name of a group that the other columns do not tell: a place, or people."""
    name = hit.group.name if hit.group else ""
    return name if name in (place_name(hit), names_of_people(hit)) else ""


def clock(seconds: float) -> str:
    """Return a time in a video as players show it: 0:12, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def day(facts: PictureFacts) -> str:
    """Return a picture's day; ~ before it says that only the file's date is known."""
    return ("~" if facts.date_source == "file" else "") + facts.date[:10]


def _shortened(path: str, columns: int) -> str:
    if _columns(path) <= columns or columns < 20:
        return path
    head, tail = path[: columns // 3], path
    while _columns(head) + 1 + _columns(tail) > columns:
        tail = tail[1:]
    return head + "…" + tail


def _columns(text: str) -> int:
    """Return how many columns a terminal gives a text; East Asian characters take two."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
