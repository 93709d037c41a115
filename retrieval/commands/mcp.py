"""`pixtrieve mcp`: the library as tools for an assistant."""

from __future__ import annotations

import signal
import sys

import click

from retrieval.commands.terminal import device_option, library_option, say
from retrieval.errors import MissingExtra
from retrieval.library import Library


@click.command("mcp")
@library_option
@device_option
def mcp_command(library_path: str, device: str) -> None:
    r"""Let an assistant search the library (Model Context Protocol).

    It speaks the protocol on standard input and output, so an assistant starts it itself, by its
    configuration:

    \b
    {"mcpServers": {"pixtrieve": {
        "command": "pixtrieve", "args": ["mcp", "--library", "/home/me/index_data"]}}}

    `pixtrieve serve` offers the same over HTTP, at /mcp.
    """
    with Library.open(library_path) as library:
        folder = library.path
    try:
        from retrieval.server.mcp.stdio import serve
    except ImportError as error:
        raise MissingExtra(error.name or "mcp", "mcp", "pixtrieve mcp") from error
    if sys.stdin.isatty():
        say("Waiting for an assistant's requests on standard input. Ctrl-C ends it.", error=True)
    # The thread that waits for input cannot be woken, and an end at any moment harms nothing.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    serve(folder, device)
