"""`pixtrieve completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from retrieval.commands.base import Command
from retrieval.commands.terminal import say

_SHELLS = ("bash", "zsh", "fish")
_PROGRAM = "pixtrieve"
_VARIABLE = "_PIXTRIEVE_COMPLETE"


@click.command(
    "completion",
    cls=Command,
    examples=("pixtrieve completion bash", "pixtrieve completion zsh", "pixtrieve completion fish"),
)
@click.argument("shell", type=click.Choice(_SHELLS))
def completion_command(shell: str) -> None:
    """Print a script that completes commands and options in SHELL.

    Save what it prints where your shell looks for it, and open a new shell. For bash:
    ~/.local/share/bash-completion/completions/pixtrieve; for fish:
    ~/.config/fish/completions/pixtrieve.fish; for zsh: any file that ~/.zshrc loads with "source".
    Then the Tab key completes commands, options and their values.
    """
    completer = get_completion_class(shell)
    assert completer is not None
    root = click.get_current_context().find_root().command
    say(completer(root, {}, _PROGRAM, _VARIABLE).source())
