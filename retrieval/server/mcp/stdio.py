"""The tools over standard input and output, for an assistant that starts this process itself."""

from __future__ import annotations

import asyncio
import os

from mcp.server.stdio import stdio_server

from retrieval.server.library_thread import LibraryThread
from retrieval.server.mcp.protocol import make_server
from retrieval.server.mcp.tools import McpTools


def serve(path: str, device: str) -> None:
    """Answer until the input ends. Library and model are loaded when a tool first needs them.

    Assistants start all their servers with themselves, so one that nobody asks shall cost little.
    """
    desk = LibraryThread(path, device, lazy=True)
    try:
        asyncio.run(_serve(McpTools(desk, os.path.join(path, "thumbnails"), files=True)))
    finally:
        desk.close()


async def _serve(counter: McpTools) -> None:
    server = make_server(counter)
    # While it runs, whatever else writes to standard output goes to standard error.
    async with stdio_server() as (received, sent):
        await server.run(received, sent, server.create_initialization_options())
