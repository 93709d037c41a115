"""Writes docs/commands/ from the help of the commands: `python docs/make_commands.py`.

It also writes the table of fields in docs/filters.md, from `retrieval.query.fields`. A test checks
that the pages are what this makes. To change a page, change the command's help.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from retrieval.commands import SECTIONS, pixtrieve
from retrieval.commands.base import Command
from retrieval.query.fields import FIELDS

FOLDER = Path(__file__).parent / "commands"
FILTERS = Path(__file__).parent / "filters.md"

_MADE = (
    "<!-- Made by docs/make_commands.py from the help of the commands. "
    "Change the help, then run it. -->"
)


def pages() -> dict[str, str]:
    """Return the text of each page, by the name of its file."""
    root = click.Context(pixtrieve, info_name="pixtrieve", **pixtrieve.context_settings)
    made = {"README.md": _join(_index(root))}
    for title, names in SECTIONS.items():
        parts = [_MADE, f"# {title}"]
        for name in names:
            parts += _command(_subcommand(root, name))
        made[_file_of(title)] = _join(parts)
    return made


def filters_page(page: str) -> str:
    """Return the page on filters with its table of fields as it is now."""
    rows = [
        f"| `{field.name}` | {field.about} "
        f"| {' '.join(f'`{each}`' for each in field.operators) or 'alone'} "
        f"| `{field.example}` |"
        for field in FIELDS.values()
    ]
    head = "| field | what it is | operators | example |\n|---|---|---|---|"
    start, rest = page.split("| field |", 1)
    return start + "\n".join([head, *rows, ""]) + "\n" + rest.split("\n\n", 1)[1]


def _index(root: click.Context) -> Iterator[str]:
    """Yield the parts of the page that lists all commands."""
    yield _MADE
    yield "# Commands"
    yield from _body(root)
    for title, names in SECTIONS.items():
        yield f"## [{title}]({_file_of(title)})"
        yield "\n".join(
            f"- [`pixtrieve {name}`]({_file_of(title)}#pixtrieve-{name}): "
            + _escaped(_subcommand(root, name).command.get_short_help_str(200))
            for name in names
        )


def _command(context: click.Context, level: int = 2) -> Iterator[str]:
    """Yield the parts that describe a command, then those of its subcommands."""
    yield f"{'#' * level} {context.command_path}"
    yield from _body(context)
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            yield from _command(_subcommand(context, name), level + 1)


def _body(context: click.Context) -> Iterator[str]:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield _escaped(paragraph)
    if isinstance(command, Command) and command.examples:
        kind = "sh" if command.examples[0].startswith("pixtrieve ") else "json"
        yield "\n".join([f"```{kind}", *command.examples, "```"])
    records = [
        record
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
        and (record := parameter.get_help_record(context)) is not None
    ]
    yield "\n".join(f"- `{option}`: {_escaped(text)}" for option, text in records)


def _subcommand(context: click.Context, name: str) -> click.Context:
    assert isinstance(context.command, click.Group)
    command = context.command.get_command(context, name)
    assert command is not None
    return click.Context(command, info_name=name, parent=context)


def _file_of(title: str) -> str:
    return f"{title.lower()}.md"


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is; text in backticks stays code."""
    parts = " ".join(text.split()).split("`")
    parts[::2] = [re.sub(r"([*<])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def _join(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    for file, page in pages().items():
        (FOLDER / file).write_text(page, encoding="utf-8")
    FILTERS.write_text(filters_page(FILTERS.read_text(encoding="utf-8")), encoding="utf-8")
