"""`pixtrieve search`: search by text or by picture."""

from __future__ import annotations

import json
import os
import sys
import time

import click

from retrieval.commands.picture_options import ManyPictures
from retrieval.commands.query_options import query_options
from retrieval.commands.read_options import limits_options
from retrieval.commands.search_options import search_options
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
from retrieval.query import Query
from retrieval.query.options import SearchOptions
from retrieval.search.results import SearchResult


@click.command(
    "search",
    cls=ManyPictures,
    examples=(
        'pixtrieve search "two dogs on a beach"',
        'pixtrieve search "in the snow" --image dog.jpg --weight 2,1 --not people',
        'pixtrieve search "2:in the snow + ./dog.jpg - people"   # the same',
        'pixtrieve search "our dog" --like 17 23 --unlike 5      # more hits like 17 and 23',
        """pixtrieve search "a birthday cake" --where "date >= 2023-05 and camera ~ 'Pixel'\"""",
        """pixtrieve search --where "path in 'trips/' and gps near 48.85,2.35 within 10 km\"""",
    ),
)
@query_options
@search_options
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--paths", is_flag=True, help="Print paths only, one per line.")
@click.option("-0", "--null", is_flag=True, help="With --paths, end each with NUL, for xargs -0.")
@click.option(
    "--html",
    metavar="FILE",
    type=UserPath(),
    help="Write a page with the pictures to FILE (- for standard output).",
)
@click.option("--open", "open_page", is_flag=True, help="Open that page in the browser.")
@device_option
@limits_options
def search_command(
    query: Query | None,
    options: SearchOptions,
    library_path: str,
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
        result = library.answer(query, options, limits=limits)
        model = library.model.name
    seconds = time.perf_counter() - started
    asked, where = "" if query is None else str(query), str(options.where or "")
    if as_json:
        facts = {"query": asked, "where": where, "fuse": options.fuse, "model": model}
        say(json.dumps({**facts, "seconds": round(seconds, 4), **result.to_dict()}, indent=2))
    elif paths:
        end = b"\0" if null else b"\n"
        say_raw(b"".join(os.fsencode(hit.path) + end for hit in result.hits))
    elif html != "-":
        for line in table(result, width=_width(), filtered=bool(where)):
            say(line)
    for note in result.notes:
        say(shown(note), error=True)
    if html or open_page:
        _page(result, asked or where, html, open_page=open_page)


def _width() -> int | None:
    """Return the terminal's width, None when the output goes elsewhere."""
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


def _page(result: SearchResult, asked: str, html: str | None, *, open_page: bool) -> None:
    from retrieval.commands.pages import give_page
    from retrieval.commands.sheet import contact_sheet

    give_page(contact_sheet([(asked, result)]), html, open_page=open_page)
