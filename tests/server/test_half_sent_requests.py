"""Requests of which the rest never comes, over real sockets; and slow ones, which are served."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.serving import free_port, served
from support.waiting import WAIT_S

pytest.importorskip("uvicorn")

from retrieval.server import guard
from retrieval.server.app import create_app
from retrieval.server.connections import PatientProtocol

Connect = Callable[[bytes], socket.socket]


class Hasty(PatientProtocol):
    head_s = 2.0
    body_s = 4.0
    most = 30


class Endless(PatientProtocol):
    head_s = body_s = 10 * WAIT_S


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def connect(folder: str, port: int) -> Iterator[Connect]:
    """Return a function that connects to a served library and sends some bytes."""
    rules = guard.Rules(frozenset({f"127.0.0.1:{port}"}))
    with ExitStack() as held, served(create_app(folder, "auto", rules), port, http=Hasty):

        def opened(first: bytes) -> socket.socket:
            each = held.enter_context(socket.create_connection(("127.0.0.1", port), WAIT_S))
            each.settimeout(WAIT_S)
            each.sendall(first)
            return each

        yield opened


def head(port: int, line: bytes, *others: bytes) -> bytes:
    return b"\r\n".join([line, b"Host: 127.0.0.1:%d" % port, *others, b"", b""])


def rest(connection: socket.socket) -> bytes:
    """Return what the server sends until it closes the connection."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionResetError:
        pass
    return received


def test_half_sent_requests_are_dropped(
    connect: Connect, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("uvicorn.error").addHandler(caplog.handler)
    upload = head(port, b"POST /api/search HTTP/1.1", b"Content-Length: 100000")
    waiting = {
        "nothing": [connect(b"") for _ in range(5)],
        "half a head": [connect(upload[:40]) for _ in range(5)],
        "half a body": [connect(upload + b"x" * 500) for _ in range(5)],
        "refused, then half a body": [
            connect(head(port, b"POST /nowhere HTTP/1.1", b"Content-Length: 9") + b"x")
            for _ in range(5)
        ],
    }
    for what, connections in waiting.items():
        for each in connections:
            answer = rest(each)
            if what == "nothing":
                assert answer == b""
            else:
                assert answer.startswith((b"HTTP/1.1 408", b"HTTP/1.1 40")), what
    assert not caplog.records


def test_a_head_that_drips_is_dropped(connect: Connect) -> None:
    dripping = connect(b"GET / HTTP/1.1\r\n")
    closed = threading.Event()

    def drip() -> None:
        while not closed.is_set():
            try:
                dripping.sendall(b"X")
            except OSError:
                return
            time.sleep(0.1)

    thread = threading.Thread(target=drip)
    thread.start()
    assert rest(dripping).startswith(b"HTTP/1.1 408")
    closed.set()
    thread.join()


def test_a_slow_upload_that_goes_on_is_served(connect: Connect, port: int, pictures: Path) -> None:
    picture = (pictures / "red.png").read_bytes()
    size = b"Content-Length: %d" % len(picture)
    slow = connect(head(port, b"POST /api/search HTTP/1.1", size, b"Connection: close"))
    parts = 12  # 6 s in all, with 0.5 s between them
    for number in range(parts):
        time.sleep(0.5)
        slow.sendall(picture[len(picture) * number // parts : len(picture) * (number + 1) // parts])
    answer = rest(slow)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert b"yellow.png" in answer  # the nearest to red


def test_two_requests_on_one_connection(connect: Connect, port: int) -> None:
    both = connect(head(port, b"GET /api/options HTTP/1.1"))
    assert both.recv(10).startswith(b"HTTP/1.1 2")
    both.sendall(head(port, b"GET /api/options HTTP/1.1", b"Connection: close"))
    assert rest(both).count(b"HTTP/1.1 200") == 1


def test_there_is_a_limit_to_connections(connect: Connect, port: int) -> None:
    held = [connect(b"GET / HT") for _ in range(Hasty.most)]
    assert rest(connect(b"")).startswith(b"HTTP/1.1 503")
    for each in held:
        each.close()
    for _ in range(50):
        answer = rest(connect(head(port, b"GET /api/options HTTP/1.1", b"Connection: close")))
        if answer.startswith(b"HTTP/1.1 200"):
            break
        time.sleep(0.1)
    else:
        raise AssertionError(answer)


def test_the_server_ends_although_requests_are_half_sent(folder: str) -> None:
    port = free_port()
    rules = guard.Rules(frozenset({f"127.0.0.1:{port}"}))
    upload = head(port, b"POST /api/search HTTP/1.1", b"Content-Length: 100000")
    with ExitStack() as held:
        with served(create_app(folder, "auto", rules), port, http=Endless):
            waiting = [
                held.enter_context(socket.create_connection(("127.0.0.1", port), WAIT_S))
                for _ in range(2)
            ]
            for each, sent in zip(waiting, (upload, upload[:30]), strict=True):
                each.sendall(sent)
            time.sleep(0.5)
        for each in waiting:
            assert rest(each).startswith(b"HTTP/1.1 503")
