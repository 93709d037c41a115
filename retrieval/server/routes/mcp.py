"""The address for assistants; without the extra `mcp`, an error with a hint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from retrieval.errors import MissingExtra
from retrieval.server.state import State, as_json

if TYPE_CHECKING:
    from retrieval.server.mcp.http import Endpoint

PATH = "/mcp"


class Assistants:
    """An ASGI application; it answers within the context `running`."""

    def __init__(self, state: State) -> None:
        self._endpoint = _endpoint(state)
        # No sessions, so there is no stream to read (GET) and no session to end (DELETE).
        self.route = Route(PATH, self, methods=["POST"], include_in_schema=False)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Accept requests within this context."""
        if isinstance(self._endpoint, MissingExtra):
            yield
            return
        async with self._endpoint.running():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if isinstance(self._endpoint, MissingExtra):
            facts = {"error": self._endpoint.message, "hint": self._endpoint.hint}
            await as_json(facts, 501)(scope, receive, send)
            return
        await self._endpoint(scope, receive, send)


def _endpoint(state: State) -> Endpoint | MissingExtra:
    try:
        from retrieval.server.mcp.http import Endpoint
    except ImportError as error:
        return MissingExtra(error.name or "mcp", "mcp", f"the address {PATH} for assistants")
    return Endpoint(state.library_thread, state.thumbnails)
