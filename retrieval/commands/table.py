"""Search results as lines of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from retrieval.commands.terminal import (
    confidence_text,
    home_relative,
    human_bytes,
    link,
    plural,
    shown,
)
from retrieval.query.fields import PictureFacts
from retrieval.search.results import Hit, SearchResult


def table(
    result: SearchResult,
    width: int | None = None,
    *,
    filtered: bool = False,
    more: bool = False,
) -> Iterator[str]:
    """Yield the lines of a table; paths that do not fit into `width` columns lose their middle.

    `width` is None outside a terminal; in one, paths are links. `more` says that a larger limit
    would list more pictures.
    """
    if not result.hits:
        yield _nothing(result, filtered=filtered)
        return
    words = any(hit.confidence is None and hit.match for hit in result.hits)
    columns = 8 if words else 4
    scores = f"{'score':>6}  {'sure':>{columns}}  " if result.scored else ""
    ids = max(len(f"{hit.id}") for hit in result.hits)
    yield f"{'#':>3}  {'id':>{ids}}  {scores}{'date':>11}  {'pixels':>11}  {'size':>7}  picture"
    for hit in result.hits:
        front = (
            f"{hit.rank:3d}  {hit.id:{ids}d}  {_scores(hit, columns) if result.scored else ''}"
            f"{day(hit):>11}  "
            f"{f'{hit.width}×{hit.height}':>11}  {human_bytes(hit.size):>7}  "
        )
        tail = _tail(hit)
        path = shown(home_relative(hit.path))
        if width is not None:
            path = link(_shortened(path, width - len(front) - len(tail)), hit.path)
        yield front + path + tail
        for snippet in hit.texts:
            yield f"{'':5}{snippet.source}: {shown(snippet.text)}"
        for term in hit.terms:
            yield (
                f"{'':5}{term.contribution:+6.3f}  {shown(term.term)} (cosine {term.cosine:.3f})"
            )
    if more and not result.scored:
        yield f"Showing {_count(result)} of {result.searched:,}. Use -k for more."


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
    """Return how many pictures a hit stands for: its copies, and the others of its group."""
    copies = plural(len(hit.copies), "copy", "copies")
    others = len(hit.group.others) if hit.group else 0
    return (f"  (+{copies})" if hit.copies else "") + (f"  (+{others:,} more)" if others else "")


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
