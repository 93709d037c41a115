"""`pixtrieve search`: search by text or by picture."""

from __future__ import annotations

import json
import os
import sys
import time

import click

from retrieval.commands.filter_options import Narrowing, narrowing_options
from retrieval.commands.picture_options import ManyPictures, like_options
from retrieval.commands.query_options import Asking, question_options
from retrieval.commands.read_options import limits_options
from retrieval.commands.table import table
from retrieval.commands.terminal import (
    UserPath,
    device_option,
    library_option,
    say,
    say_raw,
    shown,
)
from retrieval.images import ReadLimits
from retrieval.library import Library
from retrieval.search.answers import as_object
from retrieval.search.notes import notes
from retrieval.search.results import SearchResult


@click.command(
    "search",
    cls=ManyPictures,
    examples=(
        'pixtrieve search "two dogs on a beach"',
        'pixtrieve search "in the snow" --image dog.jpg --weight 2,1 --not people',
        'pixtrieve search "2:in the snow + ./dog.jpg - people"   # the same',
        'pixtrieve search "our dog" --like 17 23 --unlike 5      # more hits like 17 and 23',
        """pixtrieve search "a birthday cake" --where "taken >= 2023-05 and camera ~ 'Pixel'\"""",
        """pixtrieve search --where "path in 'trips/' and gps near 48.85,2.35 within 10 km\"""",
    ),
)
@question_options
@like_options
@narrowing_options
@library_option
@click.option(
    "-k", "count", type=click.IntRange(1), default=10, show_default=True, help="How many."
)
@click.option("--include-self", is_flag=True, help="With --image: list that picture itself, too.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Leave out hits that are less likely to be right (0 to 1; 0.5 is as likely as not).",
)
@click.option("--explain", is_flag=True, help="Show what each term did for each hit.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--paths", is_flag=True, help="Print paths only, one a line.")
@click.option("-0", "--null", is_flag=True, help="With --paths: end each with NUL, for xargs -0.")
@click.option(
    "--html",
    metavar="FILE",
    type=UserPath(),
    help="Write a page with the pictures (- for standard output).",
)
@click.option("--open", "open_page", is_flag=True, help="Show that page in the browser.")
@device_option
@limits_options
def search_command(
    asking: Asking,
    like: tuple[str, ...],
    unlike: tuple[str, ...],
    narrowing: Narrowing,
    library_path: str,
    count: int,
    include_self: bool,
    min_confidence: float,
    explain: bool,
    as_json: bool,
    paths: bool,
    null: bool,
    html: str | None,
    open_page: bool,
    device: str,
    limits: ReadLimits,
) -> None:
    """Search pictures by text, by example, or by both.

    Results are listed best first. --html - writes the page to standard output instead of the table.
    """
    started = time.perf_counter()
    with Library.open(library_path, device=device) as library:
        result = library.search(
            asking.query,
            count,
            where=narrowing.where,
            sort=narrowing.sort,
            group=narrowing.group,
            diverse=narrowing.diverse,
            look_in=asking.look_in,
            fuse=asking.fuse,
            include_self=include_self,
            min_confidence=min_confidence,
            explain=explain,
            limits=limits,
            like=like,
            unlike=unlike,
        )
        model = library.model.name
    seconds = time.perf_counter() - started
    if as_json:
        facts = {"query": str(asking), "where": narrowing.where or "", "fuse": asking.fuse}
        facts["model"] = model
        say(json.dumps({**facts, "seconds": round(seconds, 4), **as_object(result)}, indent=2))
    elif paths:
        end = b"\0" if null else b"\n"
        say_raw(b"".join(os.fsencode(hit.path) + end for hit in result.hits))
    elif html != "-":
        for line in table(result, width=_width(), filtered=narrowing.where is not None):
            say(line)
    for note in notes(result):
        say(shown(note), error=True)
    if html or open_page:
        _page(result, str(asking) or narrowing.where or "", html, open_page=open_page)


def _width() -> int | None:
    """Return the terminal's width, None when the output goes elsewhere."""
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


def _page(result: SearchResult, asked: str, html: str | None, *, open_page: bool) -> None:
    from retrieval.commands.pages import give_page
    from retrieval.commands.sheet import contact_sheet

    give_page(contact_sheet([(asked, result)]), html, open_page=open_page)
