"""A contact sheet: one self-contained HTML file with thumbnails and scores."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from retrieval.commands.table import clock, day
from retrieval.commands.terminal import confidence_text, home_relative, human_bytes, plural, shown
from retrieval.errors import PictureError
from retrieval.images.isolation.pictures import thumbnail
from retrieval.images.places import uri_of
from retrieval.query.fields import names_of_people, place_name
from retrieval.search.results import Hit, SearchResult

_SIDE = 360

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Pixtrieve</title>
<style>
:root {{ color-scheme: light dark; --ink: #1d2025; --paper: #f6f6f4; --card: #fff;
  --soft: #6b7078; --line: #e2e2de; --bar: #2f6fed; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e9eaec; --paper: #15171a; --card: #1f2226;
  --soft: #9aa0a8; --line: #2e3238; --bar: #7aa5ff; }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; padding: 2rem clamp(1rem, 4vw, 3rem); background: var(--paper);
  color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }}
h1 {{ font-size: 1.5rem; font-weight: 650; margin: 0 0 .25rem; overflow-wrap: anywhere; }}
section + section {{ margin-top: 3rem; }}
p {{ margin: 0 0 1.5rem; color: var(--soft); }}
ol {{ list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(16rem, 100%), 1fr)); }}
li {{ background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  overflow: hidden; display: flex; flex-direction: column; }}
.picture {{ display: grid; place-items: center; aspect-ratio: 4 / 3; background: var(--line);
  color: var(--soft); text-align: center; padding: 0; text-decoration: none; }}
.picture img {{ width: 100%; height: 100%; object-fit: contain; display: block; }}
.picture span {{ padding: 1rem; }}
.about {{ padding: .7rem .85rem .85rem; min-width: 0; }}
.score {{ display: flex; align-items: center; gap: .6rem; font-variant-numeric: tabular-nums; }}
.score b {{ min-width: 1.6rem; }}
.bar {{ flex: 1; height: 5px; border-radius: 3px; background: var(--line); overflow: hidden; }}
.bar i {{ display: block; height: 100%; background: var(--bar); }}
.name {{ margin-top: .4rem; font-weight: 550; overflow-wrap: anywhere; }}
.more {{ color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }}
</style></head><body>
{sections}
</body></html>
"""

_SECTION = """<section><h1>{title}</h1>
<p>{summary}</p>
<ol>
{cards}
</ol></section>"""

_CARD = """<li><a class="picture" href="{link}" title="{path}">{picture}</a>
<div class="about"><div class="score"><b>{rank}</b><span class="bar"><i style="width:{share}%"></i>\
</span><span>{score}</span></div>
<div class="name">{name}</div><div class="more">{facts}</div><div class="more">{folder}</div>\
</div></li>"""


def contact_sheet(answers: Sequence[tuple[str, SearchResult]]) -> str:
    """Return the page for queries and their results.

    It shows the reason in place of an unreadable picture.
    """
    sections = "\n".join(_section(asked, result) for asked, result in answers)
    title = answers[0][0] if len(answers) == 1 else plural(len(answers), "search", "searches")
    return page_of(title, sections)


def page_of(title: str, sections: str) -> str:
    """Return a page with a plain title, around sections of HTML."""
    return _PAGE.format(title=html.escape(shown(title)), sections=sections)


def _section(asked: str, result: SearchResult) -> str:
    with ThreadPoolExecutor() as executor:
        paths = [(hit.path, *hit.copies) for hit in result.hits]
        pictures = list(executor.map(picture_at, paths, [hit.at for hit in result.hits]))
    cards = "\n".join(
        _card(hit, picture, _share(hit, result))
        for hit, picture in zip(result.hits, pictures, strict=True)
    )
    if result.scored:
        best = f"Best {len(result.hits):,} of {plural(result.searched, 'picture')}."
        summary = f"{best} Higher scores are better matches."
        summary = html.escape(shown(" ".join((summary, *result.notes))))
    else:
        found = plural(result.searched, "matching picture")
        summary = f"Showing {len(result.hits):,} of {found}."
    return _SECTION.format(title=html.escape(shown(asked)), summary=summary, cards=cards)


def _card(hit: Hit, picture: str, share: int) -> str:
    folder, name = os.path.split(hit.path)
    facts = [f"{hit.width} × {hit.height}", human_bytes(hit.size)]
    if hit.duration is not None:
        facts.insert(0, f"at {clock(hit.at or 0)} of {clock(hit.duration)}")
    facts.append(day(hit) if hit.date_source == "file" else hit.date.replace("T", " "))
    facts += filter(None, (place_name(hit), names_of_people(hit)))
    if confidence := confidence_text(hit):
        facts.append(f"{confidence} sure" if hit.confidence is not None else f"{confidence} match")
    if hit.copies:
        facts.append(f"also in {plural(len(hit.copies), 'other place')}")
    if hit.group and hit.group.others:
        facts.append(f"{len(hit.group.others):,} more in its group")
    return _CARD.format(
        link=html.escape(uri_of(hit.path) + ("" if hit.at is None else f"#t={hit.at}"), quote=True),
        path=html.escape(shown(hit.path), quote=True),
        picture=picture,
        rank=hit.rank,
        share=share,
        score=f"{hit.score:.3f}",
        name=html.escape(shown(name)),
        facts=html.escape(" · ".join(facts)),
        folder=html.escape(shown(home_relative(folder))),
    )


def picture_at(paths: Sequence[str], at: float | None = None) -> str:
    """Return the HTML of a thumbnail of the first readable file, or of why none is readable.

    Of a video, it shows the frame at second `at`, or one that stands for the video.
    """
    for path in paths:
        try:
            data = base64.b64encode(thumbnail(path, _SIDE, at)).decode("ascii")
        except PictureError as error:
            reason = error.message
            continue
        name = html.escape(shown(Path(path).name), quote=True)
        return f'<img loading="lazy" alt="{name}" src="data:image/webp;base64,{data}">'
    return f"<span>{html.escape(shown(reason))}</span>"


def _share(hit: Hit, result: SearchResult) -> int:
    """Return the bar's length in per cent: relative to the best hit, never negative."""
    best = max(1e-6, *(each.score for each in result.hits))
    return round(100 * max(hit.score, 0.0) / best)
