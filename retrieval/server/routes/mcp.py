"""The address for assistants, where the extra `mcp` is installed; a hint where it is not."""

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
    """An ASGI application that answers within `running`."""

    def __init__(self, state: State) -> None:
        self._endpoint = _endpoint(state)
        # Without sessions there is nothing to listen to (GET) or to end (DELETE).
        self.route = Route(PATH, self, methods=["POST"], include_in_schema=False)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Be ready for requests."""
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
    return Endpoint(state.desk, state.thumbnails)
