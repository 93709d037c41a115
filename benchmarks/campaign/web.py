"""The application without a socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote, urlencode


class Web:
    """The application without a socket, in an event loop of its own."""

    def __init__(self, library: str) -> None:
        from retrieval.server import guard
        from retrieval.server.app import create_app

        self._loop = asyncio.new_event_loop()
        self._app: Any = create_app(library, "cpu", guard.Rules(frozenset({"localhost"})))
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._loop.create_task(self._app({"type": "lifespan"}, self._queue.get, self._started))
        self._queue.put_nowait({"type": "lifespan.startup"})
        self._ready = asyncio.Event()
        self._loop.run_until_complete(self._ready.wait())

    async def _started(self, _: Any) -> None:
        self._ready.set()

    def ask(
        self, method: str, path: str, query: bytes = b"", body: bytes = b"", kind: str = ""
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer."""
        sent: list[Any] = []
        headers = [(b"host", b"localhost"), (b"content-length", str(len(body)).encode())]
        headers += [(b"accept", b"application/json, text/event-stream")]
        if kind:
            headers.append((b"content-type", kind.encode()))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "path": path, "raw_path": quote(path, errors="replace").encode(), "root_path": "",
            "query_string": query, "headers": headers, "scheme": "http",
            "server": ("localhost", 80), "client": ("127.0.0.1", 1), "state": {},
        }  # fmt: skip
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> dict[str, Any]:
            message = next(messages, None)
            if message is None:
                await asyncio.sleep(3600)
            assert message is not None
            return message

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        self._loop.run_until_complete(self._app(scope, receive, send))
        status = int(sent[0]["status"])
        answer = b"".join(message.get("body", b"") for message in sent[1:])
        assert status < 500 or status in (501, 503), (
            method,
            path,
            query,
            body,
            status,
            answer[:500],
        )
        return status, answer

    def json(self, path: str, **parameters: str) -> Any:
        """Return the JSON that a GET request answers with."""
        status, answer = self.ask("GET", path, urlencode(parameters).encode())
        assert status == 200, (path, status, answer[:500])
        return json.loads(answer)
