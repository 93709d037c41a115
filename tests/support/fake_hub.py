"""A model hub of a few files on the loopback interface, with the faults that networks have."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "c" * 40


class FakeHub(ThreadingHTTPServer):
    """Serves `repos[repository][file name]`; also when it is asked as a proxy.

    `cut_at`: so many bytes of a body are sent, then the connection breaks; `cuts` counts down how
    often. `ranges` collects what was asked for with a Range header, `asked` all requests.
    """

    daemon_threads = True

    def __init__(self, repos: Mapping[str, Mapping[str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos = repos
        self.cut_at, self.cuts, self.status = 0, 0, 0
        self.asked: list[str] = []
        self.ranges: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeHub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, *_args: object) -> None:
        pass

    def _answer(self, *, with_body: bool) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        parts = urlsplit(self.path).path.strip("/").split("/")
        if self.server.status:
            return self._refuse(self.server.status, "")
        if len(parts) < 5:
            return self._refuse(200, "")
        repo, name = "/".join(parts[:2]), "/".join(parts[4:])
        if repo not in self.server.repos:
            return self._refuse(404, "RepoNotFound")
        if name not in self.server.repos[repo]:
            return self._refuse(404, "EntryNotFound")
        return self._send(self.server.repos[repo][name], with_body)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
            self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, content: bytes, with_body: bool) -> None:
        start = 0
        if asked := self.headers.get("Range"):
            self.server.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").split("-")[0])
        self.send_response(206 if asked else 200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if not with_body:
            return
        body = content[start:]
        if self.server.cuts > 0:
            self.server.cuts -= 1
            self.close_connection = True
            body = body[: self.server.cut_at]
        self.wfile.write(body)


@contextlib.contextmanager
def serving(repos: Mapping[str, Mapping[str, bytes]]) -> Iterator[FakeHub]:
    """Run a fake hub."""
    with FakeHub(repos) as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """Listen, accept, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def refusing_address() -> str:
    """Return an address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"
