"""A library of a data set that was encoded and imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from support.data_sets import encode, merge
from support.fakes import FakeEncoder

from retrieval import Library

Imported = Callable[..., Library]


@pytest.fixture
def imported(library: Library, encoder: FakeEncoder, tmp_path: Path) -> Imported:
    """Return a function that encodes sources, imports the shards and returns the library."""

    def taken(*sources: Path | str, **options: Any) -> Library:
        encode(encoder, tmp_path / "out", *sources, **options)
        merge(library, tmp_path / "out")
        return library

    return taken


class _Answers(BaseHTTPRequestHandler):
    def __init__(self, pages: dict[str, bytes], *rest: object) -> None:
        self._pages = pages
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        data = self._pages.get(self.path)
        if data is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A web server: its address, and what it answers by path."""
    pages: dict[str, bytes] = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answers, pages))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", pages
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
