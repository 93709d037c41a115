"""Options that name several pictures: `--like a.jpg b.jpg`, as well as `--like a.jpg --like b.jpg`.

click gives an option one value each time. Values after the first that look like a picture (an
existing file, a name with an extension, a rank, an id) belong to the option as well; the rest
is left to click.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from retrieval.commands.base import Command
from retrieval.commands.last_answer import recall, recall_range
from retrieval.errors import QueryError
from retrieval.query.spelling import absolute

_RANK = re.compile(r"\d{1,9}")
_RANKS = re.compile(r"(\d{1,9})-(\d{1,9})")
_ID = re.compile(r"(?:id:|#)(\d{1,18})")
_ENDING = re.compile(r"\.[A-Za-z0-9]{2,5}$")


class ManyPictures(Command):
    """A command in which `--like` and `--unlike` take any number of pictures."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option in front of each of its values."""
        return super().parse_args(ctx, list(_repeated(args)))


def like_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--like` and `--unlike`; the command is a `ManyPictures` and gets tuples of `str`."""
    for name, what in (("--unlike", "do not show it"), ("--like", "show it")):
        command = click.option(
            name,
            metavar="PICTURE…",
            multiple=True,
            help=f"Pictures that {what}: files, numbers of the last search, or ids (id:17). "
            "Repeatable.",
        )(command)
    return command


def examples(written: Sequence[str], library_path: str) -> tuple[int | str, ...]:
    """Return examples as the library takes them: files as they are, other pictures as ids.

    A number is a rank of the last search, `id:17` the picture with that id. Raises QueryError for
    a rank that the last search does not have.
    """
    return tuple(_example(each, library_path) for each in written)


def pictures_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument PICTURE…; the command gets `written`, a tuple for `pictures`."""
    return click.argument("written", metavar="PICTURE…", nargs=-1)(command)


def pictures(written: Sequence[str], library_path: str) -> tuple[int | str, ...]:
    """Return pictures as the library takes them: like `examples`, and 2-5 for four ranks.

    Raises QueryError for a rank that the last search does not have.
    """
    found: list[int | str] = []
    for each in written:
        ranks = _RANKS.fullmatch(each)
        if ranks is None or os.path.exists(each):
            found.append(_example(each, library_path))
            continue
        first, last = int(ranks[1]), int(ranks[2])
        if first > last:
            raise QueryError(f"{each} has no numbers", f"write the lower one first: {last}-{first}")
        found += recall_range(library_path, first, last)
    return tuple(found)


def _example(written: str, library_path: str) -> int | str:
    if found := _ID.fullmatch(written):
        return int(found[1])
    if _RANK.fullmatch(written) and not os.path.exists(written):
        return recall(library_path, int(written)).id
    return written


def _repeated(args: Sequence[str]) -> Iterator[str]:
    option = ""  # the option whose values are being read
    first = False
    for place, arg in enumerate(args):
        if arg == "--":
            yield from args[place:]
            return
        if first and arg.startswith("--"):
            raise click.BadOptionUsage(option, f"{option} needs a picture.")
        if option and (first or _is_picture(arg)):
            yield from (option, arg) if not first else (arg,)
            first = False
            continue
        option = arg if arg in ("--like", "--unlike") else ""
        first = bool(option)
        yield arg


def _is_picture(arg: str) -> bool:
    if arg.startswith("-"):
        return False
    named = _RANK.fullmatch(arg) or _ID.fullmatch(arg) or _ENDING.search(arg)
    return bool(named) or os.path.isfile(absolute(arg))
