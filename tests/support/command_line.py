"""`pixtrieve` in this process: how a command ended, all commands, parsing without running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click

from retrieval.commands import pixtrieve


@dataclass
class Done:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]

OWN_LIBRARY = "own-library"
"""The user's own library in tests of the commands, relative to the folder that they run in."""


def every_command() -> Iterator[click.Context]:
    """Yield a context for `pixtrieve`, for each of its commands and for each subcommand."""
    waiting = [click.Context(pixtrieve, info_name="pixtrieve", **pixtrieve.context_settings)]
    while waiting:
        context = waiting.pop(0)
        yield context
        if isinstance(context.command, click.Group):
            for name in context.command.list_commands(context):
                command = context.command.get_command(context, name)
                assert command is not None
                waiting.append(click.Context(command, info_name=name, parent=context))


def parse(arguments: list[str], group: click.Group = pixtrieve) -> None:
    """Parse a command line without running it; click.UsageError if it cannot be."""
    context = click.Context(group)
    group.parse_args(context, list(arguments))
    name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
    assert command is not None
    if isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        parse(rest, command)
    else:
        command.make_context(name, rest)
