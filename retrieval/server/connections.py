"""Connections that wait for the rest of a request only so long, and a limit to their number.

Anyone who reaches the port could otherwise hold all of the server's connections with half-sent
requests. uvicorn limits the time between two requests, not the time that one may take to arrive.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

_LOOK_EVERY_S = 1.0

_TIMEOUT = b"408 Request Timeout"
_BUSY = b"503 Service Unavailable"


class PatientProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's protocol for one connection, with time limits for a request to arrive.

    The head must be complete in time. A body may take as long as it likes while some of it comes.
    Neither limit applies while the server is at work or does not read.
    """

    head_s = 10.0
    body_s = 15.0
    most = 256
    """Open connections; the server closes further ones at once. A browser opens six."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._between = False  # between two requests, which uvicorn limits
        self._silent = True  # nothing has come yet
        self._since = self.loop.time()
        self._timer = self.loop.call_later(_LOOK_EVERY_S, self._look)
        if len(self.connections) > self.most:
            self._refuse(_BUSY)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        self._silent = False
        in_head = self._awaits_head()
        if in_head and self._between:
            self._between, self._since = False, self.loop.time()
        super().data_received(data)
        if not (in_head and self._awaits_head()):
            self._since = self.loop.time()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._between = True
        super().on_response_complete()

    def shutdown(self) -> None:
        """End with the server: after the answer, or now if the request is still to come."""
        if self._limit() is None:
            super().shutdown()
        else:
            self._refuse(_BUSY)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        if self not in self.connections:  # it is a web socket now
            return
        limit = self._limit()
        if limit is not None and self.loop.time() - self._since > limit:
            self._refuse(_TIMEOUT)
        else:
            self._timer = self.loop.call_later(_LOOK_EVERY_S, self._look)

    def _limit(self) -> float | None:
        """Return how long the client may keep the server waiting now, None for any time."""
        if self._awaits_head():
            return None if self._between else self.head_s
        return self.body_s if self.cycle.more_body and not self.flow.read_paused else None

    def _awaits_head(self) -> bool:
        cycle: Any = self.cycle
        return cycle is None or cycle.response_complete

    def _refuse(self, status: bytes) -> None:
        """Close the connection; say why, unless nothing was asked or an answer has begun."""
        begun = not self._awaits_head() and self.cycle.response_started
        if not begun and not (self._silent and status is _TIMEOUT):
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
        self.transport.close()
