"""The command `pixtrieve`. This package prints and exits; those below it never do.

Each command is a module, which is imported only when the command is called.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from retrieval.commands.base import Group
from retrieval.commands.logs import set_up_logging
from retrieval.commands.streams import OutputClosed, set_up_streams, take_lost_output
from retrieval.commands.terminal import interrupted, library_option, report, warn
from retrieval.errors import PixtrieveError, explain_os_error

SECTIONS = {
    "Find": {
        "search": "search",
        "open": "open",
        "map": "map",
        "describe": "describe",
        "translate": "describe",
    },
    "Library": {
        "demo": "demo",
        "index": "index",
        "status": "status",
        "remove": "status",
        "captions": "captions",
        "ocr": "captions",
        "encode": "encode",
        "import": "imports",
        "export": "export",
        "backup": "backup",
        "restore": "backup",
        "relocate": "backup",
        "edits": "edits",
        "store": "store",
        "doctor": "doctor",
    },
    "Organise": {
        "album": "album",
        "favourite": "favourite",
        "saved": "saved",
        "label": "label",
        "concept": "concept",
        "classify": "label",
        "duplicates": "duplicates",
    },
    "Models": {
        "models": "models",
        "model": "model",
        "evaluate": "evaluate",
    },
    "Serve": {
        "serve": "serve",
        "mcp": "mcp",
    },
    "Shell": {
        "completion": "completion",
    },
}
"""The commands as the help lists them, each with the module that has its `NAME_command`."""

_WORKING = frozenset(
    {*SECTIONS["Library"], *SECTIONS["Serve"], "map"} - {"status", "doctor", "store"}
)
"""Commands that print only a report of their work: it may get lost without failing the command."""

_MODULES = {name: module for names in SECTIONS.values() for name, module in names.items()}


class Pixtrieve(Group):
    """All commands, in sections; the module of a command is imported when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, section by section."""
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if there is none with this name."""
        if cmd_name not in _MODULES:
            return None
        module = importlib.import_module(f"retrieval.commands.{_MODULES[cmd_name]}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; return its exit code."""
        code = super().invoke(ctx)
        if ctx.invoked_subcommand in _WORKING and (lost := take_lost_output()):
            warn(f"the report is lost, because standard output fails: {lost.strerror}")
        return code

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list for each section."""
        column = max(len(name) for name in _MODULES)  # one for all sections
        width = formatter.width - 6 - column
        for title, names in SECTIONS.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (f"{name:{column}}", command.get_short_help_str(width))
                        for name, command in commands
                        if command is not None
                    ]
                )


@click.group(
    cls=Pixtrieve,
    examples=(
        "pixtrieve index ~/Pictures",
        'pixtrieve search "two dogs on a beach"',
        "pixtrieve search --image example.jpg",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@library_option
@click.option("-v", "--verbose", is_flag=True, help="Show log messages of all libraries.")
@click.version_option(None, "-V", "--version", package_name="pixtrieve", prog_name="pixtrieve")
def pixtrieve(library_path: str, verbose: bool) -> None:
    """Find pictures by what they show.

    Index a folder once, then search it by text or by example picture.
    """
    set_up_logging(verbose=verbose)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, by default with sys.argv, and exit; errors become a message and a hint.

    0 is success, 1 an error that the message explains, 2 wrong usage, 130 an interruption. Without
    `arguments` the process is the command's own, and its standard streams are set up.
    """
    if arguments is None:
        set_up_streams()
    try:
        code = _run(arguments)
        if lost := take_lost_output():
            report(explain_os_error(lost, "standard output cannot be written"))
            code = code or 1
    except OutputClosed:
        code = 0
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    """Run the command; return its exit code after printing its error, if any."""
    try:
        code = pixtrieve.main(arguments, standalone_mode=False)
    except PixtrieveError as error:
        report(error)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        interrupted()
        return 130
    except OSError as error:
        report(explain_os_error(error))
        return 1
    return code if isinstance(code, int) else 0
