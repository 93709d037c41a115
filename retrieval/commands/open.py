"""`pixtrieve open`: show pictures of the last search in the system's viewer."""

from __future__ import annotations

import os

import click

from retrieval.commands.base import Command
from retrieval.commands.last_answer import recall
from retrieval.commands.terminal import library_option, say, shown
from retrieval.errors import PictureError


@click.command(
    "open",
    cls=Command,
    examples=("pixtrieve open 1", "pixtrieve open 2 3", "pixtrieve open 1 --locate"),
)
@click.argument("ranks", metavar="RANK…", nargs=-1, required=True, type=click.IntRange(1))
@click.option("--locate", is_flag=True, help="Show the file in its folder instead.")
@library_option
def open_command(ranks: tuple[int, ...], locate: bool, library_path: str) -> int:
    """Open pictures of the last search in the system's viewer.

    RANK is a number in the first column of the last search of this library.
    """
    paths = [recall(library_path, rank).path for rank in ranks]
    for path in paths:
        if not os.path.exists(path):
            raise PictureError(
                f"{path} is not there any more",
                "bring the library up to date: pixtrieve index",
            )
    failed = 0
    for path in paths:
        failed |= click.launch(path, locate=locate)
        say(shown(path))
    if failed:
        say("The system's viewer could not be started; the paths are above.", error=True)
    return 1 if failed else 0
