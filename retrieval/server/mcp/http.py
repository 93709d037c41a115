"""The tools over HTTP, without sessions: each request gets one JSON object."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

from retrieval.server.library_thread import LibraryThread
from retrieval.server.mcp.protocol import make_server
from retrieval.server.mcp.tools import McpTools


class Endpoint:
    """An ASGI application for `/mcp`; it answers within the context `running`.

    The guard checks host, origin and token, so the SDK does not.
    """

    def __init__(self, library_thread: LibraryThread, thumbnails: str) -> None:
        server = make_server(McpTools(library_thread, thumbnails, files=False))
        self._manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Accept requests within this context; it can be entered once."""
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._manager.handle_request(scope, receive, send)
