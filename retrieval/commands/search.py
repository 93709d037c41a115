"""`pixtrieve search`: search by text or by picture."""

from __future__ import annotations

import time
from dataclasses import replace

import click

from retrieval.commands.last_answer import remember
from retrieval.commands.picture_options import ManyPictures
from retrieval.commands.query_options import query_options
from retrieval.commands.read_options import limits_options
from retrieval.commands.search_options import search_options
from retrieval.commands.search_output import Output, output_options
from retrieval.commands.terminal import device_option, library_option
from retrieval.images import ReadLimits
from retrieval.library import Library
from retrieval.query import Query
from retrieval.query.options import SearchOptions


@click.command(
    "search",
    cls=ManyPictures,
    examples=(
        'pixtrieve search "two dogs on a beach"',
        'pixtrieve search "in the snow" --image dog.jpg --weight 2,1 --not people',
        'pixtrieve search "2:in the snow + ./dog.jpg - people"   # the same',
        'pixtrieve search "our dog" --like 1 3 --unlike 2        # numbers of the last search',
        """pixtrieve search "a birthday cake" --where "date >= 2023-05 and camera ~ 'Pixel'\"""",
        """pixtrieve search --where "path in 'trips/' and gps near 48.85,2.35 within 10 km\"""",
    ),
)
@query_options
@search_options
@click.option(
    "--offset",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Leave out the N best pictures: --offset 10 continues after the first ten.",
)
@library_option
@output_options
@device_option
@limits_options
def search_command(
    query: Query | None,
    options: SearchOptions,
    offset: int,
    library_path: str,
    output: Output,
    device: str,
    limits: ReadLimits,
) -> None:
    """Search pictures by text, by example, or by both.

    Results are listed best first. Other commands can name them by their number (#): pixtrieve open
    2, pixtrieve search --like 2. --html - writes the page to standard output instead of the table.
    """
    started = time.perf_counter()
    with Library.open(library_path, device=device) as library:
        result = library.answer(query, replace(options, k=options.k + offset), limits=limits)
        model = library.model.name
    seconds = time.perf_counter() - started
    hits = tuple(hit for hit in result.hits if hit.rank > offset)
    if output.is_table:
        remember(library_path, hits)
    facts = {
        "query": "" if query is None else str(query),
        "where": str(options.where or ""),
        "fuse": options.fuse,
        "model": model,
        "seconds": round(seconds, 4),
    }
    more = len(hits) >= options.k and result.searched > offset + len(hits)
    output.show(replace(result, hits=hits), facts, more=more)
