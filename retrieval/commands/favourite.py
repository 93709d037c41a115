"""`pixtrieve favourite`: mark pictures as favourites."""

from __future__ import annotations

import click

from retrieval.commands.album import limit_option
from retrieval.commands.base import Command, Group
from retrieval.commands.last_answer import remember
from retrieval.commands.picture_options import pictures, pictures_argument
from retrieval.commands.search_output import Output, output_options
from retrieval.commands.terminal import library_option, plural, say
from retrieval.library import Library


@click.group(
    "favourite",
    cls=Group,
    examples=(
        "pixtrieve favourite add 1-3                # numbers of the last search",
        'pixtrieve search "a beach" --where favourite',
    ),
)
def favourite_command() -> None:
    """Mark pictures as favourites."""


@favourite_command.command(
    "add", cls=Command, examples=("pixtrieve favourite add 1-3 id:17 beach.jpg",)
)
@pictures_argument
@library_option
def add_command(written: tuple[str, ...], library_path: str) -> None:
    """Mark pictures as favourites.

    A PICTURE is a number of the last search, several of them (2-5), an id (id:17), or an indexed
    file.
    """
    _require(written, "add")
    with Library.open(library_path) as library:
        count = library.favourites.add(pictures(written, library_path))
    say(f"Marked {plural(count, 'picture')}.")


@favourite_command.command("remove")
@pictures_argument
@library_option
def remove_command(written: tuple[str, ...], library_path: str) -> None:
    """Take the mark off pictures."""
    _require(written, "remove")
    with Library.open(library_path) as library:
        count = library.favourites.remove(pictures(written, library_path))
    say(f"Took the mark off {plural(count, 'picture')}.")


@favourite_command.command("list")
@limit_option
@library_option
@output_options
def list_command(limit: int, library_path: str, output: Output) -> None:
    """List the favourites, newest first."""
    with Library.open(library_path) as library:
        result = library.favourites.pictures(limit)
    if output.is_table:
        remember(library_path, result.hits)
    facts = {"query": "", "where": "favourite"}
    output.show(result, facts, more=result.searched > len(result.hits))


def _require(written: tuple[str, ...], verb: str) -> None:
    if not written:
        raise click.UsageError(f"Name the pictures: pixtrieve favourite {verb} 1-3 id:17")
