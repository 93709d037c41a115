"""`pixtrieve mcp`: the library as tools for an assistant."""

from __future__ import annotations

import signal
import sys

import click

from retrieval.commands.base import Command
from retrieval.commands.terminal import device_option, library_option, say
from retrieval.errors import MissingExtra
from retrieval.library import Library


@click.command(
    "mcp",
    cls=Command,
    examples=('{"mcpServers": {"pixtrieve": {"command": "pixtrieve", "args": ["mcp"]}}}',),
)
@library_option
@device_option
def mcp_command(library_path: str, device: str) -> None:
    """Let an AI assistant search the library.

    Speaks the Model Context Protocol on standard input and output. The assistant starts this
    command itself; the example shows its configuration. `pixtrieve serve` offers the same tools
    over HTTP, at /mcp.

    Needs: pip install 'pixtrieve[mcp]'
    """
    with Library.open(library_path) as library:
        folder = library.path
    try:
        from retrieval.server.mcp.stdio import serve
    except ImportError as error:
        raise MissingExtra(error.name or "mcp", "mcp", "pixtrieve mcp") from error
    if sys.stdin.isatty():
        say("Waiting for requests on standard input. Press Ctrl-C to stop.", error=True)
    # The thread that waits for input cannot be woken; stopping at any moment is safe.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    serve(folder, device)
