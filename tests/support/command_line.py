"""`pixtrieve` in this process, with an encoder one can compute by hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

import retrieval.commands.evaluate
import retrieval.commands.library_choice
import retrieval.context
import retrieval.folder.opening
import retrieval.library
from retrieval.commands import main, pixtrieve
from retrieval.encoders import ModelIdentity
from support.fakes import FakeEncoder


@dataclass
class Done:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]

OWN_LIBRARY = "own-library"


def command_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[bytes]
) -> Run:
    """Return a function that runs `pixtrieve` with a fake model, in a folder.

    The user's own library is OWN_LIBRARY in it.
    """
    encoder, own = FakeEncoder(), folder / OWN_LIBRARY
    for module in (retrieval.library, retrieval.context, retrieval.commands.evaluate):
        monkeypatch.setattr(module, "open_encoder", lambda *_, **__: encoder)
    for module in (retrieval.folder.opening, retrieval.context):
        monkeypatch.setattr(module, "identify", lambda name: ModelIdentity(name, "fake-1"))
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PIXTRIEVE_LIBRARY", raising=False)
    monkeypatch.setattr(retrieval.commands.library_choice, "default_library", lambda: str(own))

    def run(*arguments: str | os.PathLike[str]) -> Done:
        capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([os.fspath(argument) for argument in arguments])
        out, err = (stream.decode("utf-8", "surrogateescape") for stream in capture.readouterr())
        return Done(int(ended.value.code or 0), out, err)

    return run


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
