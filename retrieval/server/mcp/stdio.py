"""The tools over standard input and output, for assistants that start this process."""

from __future__ import annotations

import asyncio
import os

from mcp.server.stdio import stdio_server

from retrieval.server.library_thread import LibraryThread
from retrieval.server.mcp.protocol import make_server
from retrieval.server.mcp.tools import McpTools


def serve(path: str, device: str) -> None:
    """Answer until the input ends; load the library and the model when a tool first needs them.

    Assistants start all their servers when they start, so an unused server must cost little.
    """
    library_thread = LibraryThread(path, device, lazy=True)
    try:
        asyncio.run(_serve(McpTools(library_thread, os.path.join(path, "thumbnails"), files=True)))
    finally:
        library_thread.close()


async def _serve(tools: McpTools) -> None:
    server = make_server(tools)
    # Meanwhile, anything else written to standard output goes to standard error.
    async with stdio_server() as (received, sent):
        await server.run(received, sent, server.create_initialization_options())
