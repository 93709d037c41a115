"""An application on a port of this machine, served as `pixtrieve serve` does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from support.waiting import WAIT_S, until


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def served(app: Any, port: int, **settings: Any) -> Iterator[None]:
    """Serve an application on a port of 127.0.0.1, in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", **settings))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive(), "the server did not start")
        yield
    finally:
        server.should_exit = True
        thread.join(WAIT_S)
    assert not thread.is_alive()
