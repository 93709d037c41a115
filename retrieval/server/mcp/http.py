"""The tools over HTTP: requests without sessions, each answered with one JSON object."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

from retrieval.server.library_thread import LibraryThread
from retrieval.server.mcp.protocol import make_server
from retrieval.server.mcp.tools import McpTools


class Endpoint:
    """An ASGI application for the one address; it answers within `running`.

    Host, origin and token are the guard's business, so the SDK checks none of them.
    """

    def __init__(self, desk: LibraryThread, thumbnails: str) -> None:
        server = make_server(McpTools(desk, thumbnails, files=False))
        self._manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Be ready for requests; once."""
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._manager.handle_request(scope, receive, send)
