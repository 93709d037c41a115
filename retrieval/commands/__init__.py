"""The command `pixtrieve`. This room prints and exits; the rooms below never do.

Each command is a module, imported when it is called: a question pays for no other command.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from retrieval.commands.logs import set_up_logging
from retrieval.commands.terminal import interrupted, report
from retrieval.errors import PixtrieveError

_COMMANDS = {
    "demo": ("retrieval.commands.demo", "demo_command"),
    "index": ("retrieval.commands.index", "index_command"),
    "search": ("retrieval.commands.search", "search_command"),
    "serve": ("retrieval.commands.serve", "serve_command"),
    "mcp": ("retrieval.commands.mcp", "mcp_command"),
    "status": ("retrieval.commands.status", "status_command"),
    "remove": ("retrieval.commands.status", "remove_command"),
    "map": ("retrieval.commands.map", "map_command"),
    "duplicates": ("retrieval.commands.duplicates", "duplicates_command"),
    "captions": ("retrieval.commands.captions", "captions_command"),
    "ocr": ("retrieval.commands.captions", "ocr_command"),
    "export": ("retrieval.commands.export", "export_command"),
    "evaluate": ("retrieval.commands.evaluate", "evaluate_command"),
    "concept": ("retrieval.commands.concept", "concept_command"),
    "label": ("retrieval.commands.label", "label_command"),
    "classify": ("retrieval.commands.label", "classify_command"),
    "describe": ("retrieval.commands.describe", "describe_command"),
    "translate": ("retrieval.commands.describe", "translate_command"),
    "model": ("retrieval.commands.model", "model_command"),
    "models": ("retrieval.commands.models", "models_command"),
}


class _Lazy(click.Group):
    """A group that imports a command's module when it is asked for it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pixtrieve", prog_name="pixtrieve")
@click.option("-v", "--verbose", is_flag=True, help="Show what the libraries below log.")
def pixtrieve(verbose: bool) -> None:
    r"""Find pictures by what is in them: index a folder once, then ask in words or with a picture.

    \b
    pixtrieve index ~/Pictures
    pixtrieve search "two dogs on a beach"
    pixtrieve search --image example.jpg
    """
    set_up_logging(verbose=verbose)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, by default with sys.argv, and exit; errors become a message and a hint.

    0 is success, 1 an error that the message explains, 2 wrong usage, 130 an interruption.
    """
    try:
        code = pixtrieve.main(arguments, standalone_mode=False)
    except PixtrieveError as error:
        report(error)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        interrupted()
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read the output has had enough: `pixtrieve search … | head`.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
