"""Options that name several pictures: `--like a.jpg b.jpg`, as well as `--like a.jpg --like b.jpg`.

click gives an option one value each time. Values after the first that look like a picture (an
existing file, a name with an extension, a picture's number) belong to the option as well; the rest
is left to click.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from retrieval.commands.base import Command

_NUMBER = re.compile(r"#?\d{1,18}")
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
            help=f"Pictures that {what}: files, or ids of indexed pictures. Repeatable.",
        )(command)
    return command


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
    return bool(_NUMBER.fullmatch(arg) or _ENDING.search(arg)) or os.path.isfile(
        os.path.expanduser(arg)
    )
