"""`pixtrieve saved`: searches under a name, as albums that fill themselves."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime

import click

from retrieval.commands.album import confirm, limit_option, yes_option
from retrieval.commands.base import Command, Group
from retrieval.commands.last_answer import remember
from retrieval.commands.picture_options import ManyPictures
from retrieval.commands.query_options import query_options
from retrieval.commands.search_options import search_options
from retrieval.commands.search_output import Output, output_options
from retrieval.commands.terminal import device_option, library_option, plural, say, shown, warn
from retrieval.library import Library
from retrieval.query import Query
from retrieval.query.options import SearchOptions
from retrieval.tagging.saved_answers import SavedAnswer, SavedSearch

_RANKS = 20


@click.group(
    "saved",
    cls=Group,
    examples=(
        'pixtrieve saved add "Our dog" "a brown dog" --min-confidence 0.8',
        "pixtrieve saved list                       # how many are new",
        'pixtrieve saved show "Our dog" --new',
    ),
)
def saved_command() -> None:
    """Save searches: albums that fill themselves."""


@saved_command.command(
    "add",
    cls=ManyPictures,
    examples=(
        'pixtrieve saved add "Our dog" "a brown dog" --min-confidence 0.8',
        'pixtrieve saved add "Snow with Rex" "in the snow" --image rex.jpg --not people',
        "pixtrieve saved add Phone --where \"camera ~ 'Pixel' and not has album\"",
    ),
)
@click.argument("name")
@query_options
@click.option("--force", is_flag=True, help="Replace the saved search of that name.")
@search_options
@library_option
@device_option
def add_command(
    name: str,
    query: Query | None,
    force: bool,
    options: SearchOptions,
    library_path: str,
    device: str,
) -> None:
    """Save a search under NAME.

    It keeps texts, example pictures, what is excluded, the filter, the order and the least
    confidence. Its answers are the pictures that are at least as likely as --min-confidence, by
    default 0.5. In a library without confidences they are the -k best.
    """
    with Library.open(library_path, device=device) as library:
        prepared = library.saved.prepared(query, options)
        search = library.saved.put(name, prepared, replacing=force)
    count = plural(len(prepared.images), "picture")
    say(f"Saved “{shown(search.name)}”. It finds {count} now.")


@saved_command.command("list")
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@device_option
def list_command(library_path: str, as_json: bool, device: str) -> None:
    """List the saved searches, and how much is new since you looked."""
    with Library.open(library_path, device=device) as library:
        found = [library.saved.counted(search) for search in library.saved.all()]
    if as_json:
        rows = [{**asdict(search), "new": new} for search, new in found]
        say(json.dumps({"saved": rows}, indent=2))
        return
    for search, new in found:
        counted = "?" if new is None else f"{new:,} new"
        say(f"{counted:>10}  {shown(search.name)}: {_asked(search)}")
        if search.trouble:
            say(f"{'':12}{shown(search.trouble)}")
    if not found:
        say('No saved searches yet. Save one: pixtrieve saved add "Our dog" "a brown dog"')


@saved_command.command(
    "show",
    cls=Command,
    examples=('pixtrieve saved show "Our dog"', 'pixtrieve saved show "Our dog" --new --open'),
)
@click.argument("name")
@click.option("--new", "only_new", is_flag=True, help="Only what is new since you last looked.")
@click.option("--peek", is_flag=True, help="Do not count this as a look: what is new stays new.")
@limit_option
@library_option
@output_options
@device_option
def show_command(
    name: str,
    only_new: bool,
    peek: bool,
    limit: int,
    library_path: str,
    output: Output,
    device: str,
) -> None:
    """Answer a saved search.

    What is new is listed below the table, and is not new any more afterwards.
    """
    with Library.open(library_path, device=device) as library:
        found = library.saved.answer(name)
        _show(found, only_new, limit, library_path, output)
        if not peek:  # what could not be shown stays new
            library.saved.note_look(found)


def _show(
    found: SavedAnswer, only_new: bool, limit: int, library_path: str, output: Output
) -> None:
    result = found.only_new() if only_new else found.result
    hits = result.hits[:limit]
    if output.is_table:
        remember(library_path, hits)
    search = found.search
    facts = {
        "saved": search.name,
        "query": search.question,
        "where": search.where,
        "new": sorted(found.new),
    }
    if only_new and not hits and output.is_table:
        say("Nothing is new.")
    else:
        output.show(replace(result, hits=hits), facts, more=False)
    if output.is_table and len(hits) < len(result):
        say(f"Showing {len(hits):,} of {len(result):,}. Use -k for more.")
    if output.is_table and found.new and not only_new:
        say(_news(found))
    for option in search.dropped:
        warn(f"the saved search has the option {option}, which does not exist any more")


@saved_command.command("rename")
@click.argument("name")
@click.argument("new")
@library_option
def rename_command(name: str, new: str, library_path: str) -> None:
    """Give a saved search another name."""
    with Library.open(library_path) as library:
        search = library.saved.rename(name, new)
    say(f"The saved search is now called “{shown(search.name)}”.")


@saved_command.command("remove")
@click.argument("name")
@yes_option
@library_option
def remove_command(name: str, yes: bool, library_path: str) -> None:
    """Delete a saved search; the pictures that it finds stay."""
    with Library.open(library_path) as library:
        search = library.saved.named(name)
        confirm(f"Delete the saved search “{shown(search.name)}”?", yes=yes)
        library.saved.remove(name)
    say(f"Deleted the saved search “{shown(search.name)}”: {_asked(search)}")


def _asked(search: SavedSearch) -> str:
    parts = [
        shown(search.question),
        f"where {shown(search.where)}" if search.where else "",
        f"at least {search.min_confidence:.0%}" if search.min_confidence else "",
    ]
    return ", ".join(filter(None, parts)) or "?"


def _news(found: SavedAnswer) -> str:
    ranks = [f"{hit.rank}" for hit in found.result.hits if hit.id in found.new]
    listed = ", ".join(ranks[:_RANKS]) + (" …" if len(ranks) > _RANKS else "")
    before = found.search.looked
    moment = datetime.fromisoformat(before).astimezone() if before else None
    since = f"{moment:%Y-%m-%d %H:%M}" if moment else "it was saved"
    return f"{plural(len(ranks), 'picture')} new since {since}: {listed}"
