"""Uploads and requests of somebody who means harm; each test fails without its defence."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import struct
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.waiting import WAIT_S, until

from retrieval.images.isolation import pictures
from retrieval.images.isolation.pool import Pool

pytest.importorskip("fastapi")
from support.api_client import Client, names

from retrieval.server import guard

# Uploads


def png(width: int, height: int) -> bytes:
    """A small file that says it is a large picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (
        chunk(b"IHDR", header),
        chunk(b"IDAT", zlib.compress(bytes(1000))),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("side", [9_000, 50_000])
def test_a_small_upload_that_would_fill_the_memory_is_refused(client: Client, side: int) -> None:
    # With its pixels decoded, the error would be about their data, which is missing.
    answer = client().post("/api/search", content=png(side, side))
    assert answer.status_code == 422
    assert "megapixels" in answer.json()["error"]
    assert "--max-megapixels" not in str(answer.json())


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """Workers for the uploads of one test."""
    own = Pool(2)
    monkeypatch.setattr(pictures, "UPLOADS", own)
    yield own
    own.end_idle()


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (250, 5, 5)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_slow_upload_delays_no_question_and_comes_to_an_end(
    client: Client, uploads: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = client()
    assert names(api.post("/api/search", content=picture()).json())[0] == "red.png"
    (worker,) = uploads.idle()
    os.kill(worker, signal.SIGSTOP)  # what the decoder is given now takes for ever
    with ThreadPoolExecutor(1) as elsewhere:
        slow = elsewhere.submit(api.post, "/api/search", content=picture())
        until(lambda: not uploads.idle())
        assert names(api.get("/api/search", params={"q": "red"}).json())[0] == "red.png"
        assert names(api.post("/api/search", content=picture()).json())[0] == "red.png"
        assert not slow.done()
        os.kill(worker, signal.SIGCONT)
        assert names(slow.result(WAIT_S).json())[0] == "red.png"


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_an_upload_that_takes_too_long_is_refused(
    client: Client, uploads: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = client()
    limits = replace(pictures.UPLOAD_LIMITS, max_seconds=0.5)
    monkeypatch.setattr(pictures, "UPLOAD_LIMITS", limits)
    assert api.post("/api/search", content=picture()).status_code == 200
    (worker,) = uploads.idle()
    os.kill(worker, signal.SIGSTOP)
    answer = api.post("/api/search", content=picture())
    assert answer.status_code == 422
    assert "took longer" in answer.json()["error"]
    assert api.post("/api/search", content=picture()).status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory")
def test_an_upload_has_little_memory(
    client: Client, uploads: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = replace(pictures.UPLOAD_LIMITS, max_memory=2**24)
    monkeypatch.setattr(pictures, "UPLOAD_LIMITS", limits)
    file = io.BytesIO()
    Image.new("RGB", (7000, 7000)).save(file, "PNG", compress_level=1)
    api = client()
    answer = api.post("/api/search", content=file.getvalue())
    assert answer.status_code == 422
    assert "memory" in answer.json()["error"]
    assert names(api.post("/api/search", content=picture()).json())[0] == "red.png"


def test_a_picture_of_the_library_is_not_decoded_again(
    client: Client, uploads: Pool, folder: str
) -> None:
    data = Path(folder, "../pictures/red.png").read_bytes()
    answer = client().post("/api/search", params={"include_self": True}, content=data)
    assert names(answer.json())[0] == "red.png"
    assert uploads.idle() == []


def test_a_thumbnail_is_decoded_elsewhere(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: Any, **__: Any) -> None:
        raise AssertionError("it was decoded in the server")

    api = client()
    monkeypatch.setattr("retrieval.images.rendering.render", decoded)
    monkeypatch.setattr("retrieval.images.thumbnails.render", decoded)
    monkeypatch.setattr("retrieval.images.decoding.render", decoded)
    assert api.get("/api/pictures/1/thumbnail").status_code == 200
    assert api.post("/api/search", content=picture()).status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n",
        b"%PDF-1.4\n1 0 obj\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        b"push graphic-context\nfill 'url(https://example.com/x\"|ls \"-la)'\npop graphic-context",
    ],
)
def test_an_upload_runs_no_program(client: Client, data: bytes, opened: list[str]) -> None:
    api = client()
    opened.clear()
    assert api.post("/api/search", content=data).status_code == 422
    assert not [path for path in opened if "gs" in os.path.basename(path) or "passwd" in path]


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "0x10", "", "٣", "9" * 30, "9" * 5000])
def test_a_length_that_is_none_is_refused(client: Client, length: str) -> None:
    headers = {b"content-length": length.encode()}
    answer = client().post("/api/search", content=b"x", headers=headers)
    assert answer.status_code == 413


def test_a_body_longer_than_it_said_is_cut_off(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_UPLOAD", 1000)
    answer = client().post("/api/search", content=b"x" * 5000, headers={"content-length": "10"})
    assert answer.status_code == 413


def test_a_form_is_not_taken_apart_before_it_is_measured(client: Client) -> None:
    body = b"ids=1" + b"&a=" * 1_000_000
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = client().post("/api/download/txt", content=body, headers=headers)
    assert answer.status_code == 422
    assert "too long" in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"name": "x\\ud800", "like": [1]}',
        b'{"name": "x", "like": [NaN]}',
        b'{"name": "x", "like": [1e999]}',
        b'{"name": "x", "like": [' + b"9" * 5000 + b"]}",
        b'{"name": {"\\udfff": 1}}',
        b"\xff\xfe\x00",
    ],
)
def test_json_that_is_hard_to_answer_is_answered(client: Client, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    for address in ("/api/concepts", "/api/labels"):
        answer = client().post(address, content=body, headers=headers)
        assert answer.status_code in (400, 422)
        json.loads(answer.content, parse_constant=pytest.fail)


def test_a_filter_cannot_be_nested_for_ever(client: Client) -> None:
    api = client()
    for where in ("(" * 900 + "width > 0" + ")" * 900, "not " * 490 + "width > 0", "(" * 2000):
        assert api.get("/api/search", params={"where": where}).status_code == 422


# Over the wire


@pytest.mark.parametrize(
    "request_head",
    [
        "GET /api/status HTTP/1.1\r\nHost: HERE\r\nHost: evil.example",
        "GET /api/status HTTP/1.1",
        "GET /api/status HTTP/1.0",
        "GET http://evil.example/api/status HTTP/1.1\r\nHost: HERE",
        "GET http://HERE/api/status HTTP/1.1\r\nHost: evil.example",
        "GET //evil.example/..%2f..%2fetc/passwd HTTP/1.1\r\nHost: HERE",
        "GET /../../../../etc/passwd HTTP/1.1\r\nHost: HERE",
        "get /api/status HTTP/1.1\r\nHost: HERE",
        "TRACE / HTTP/1.1\r\nHost: HERE",
        "CONNECT evil.example:80 HTTP/1.1\r\nHost: HERE",
        "POST /api/search HTTP/1.1\r\nHost: HERE\r\nContent-Length: -1",
        "POST /api/search HTTP/1.1\r\nHost: HERE\r\nContent-Length: 99999999999",
        "POST /api/search HTTP/1.1\r\nHost: HERE\r\nContent-Length: 1\r\nContent-Length: 2",
    ],
)
def test_odd_requests_are_refused_and_said_so_quickly(address: str, request_head: str) -> None:
    here = address.removeprefix("http://")
    host, port = here.split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT_S) as api:
        api.sendall(request_head.replace("HERE", here).encode() + b"\r\n\r\n")
        answer = api.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert b"root:" not in answer


def test_an_endless_upload_is_cut_off(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_UPLOAD", 100_000)
    here = address.removeprefix("http://")
    head = f"POST /api/search HTTP/1.1\r\nHost: {here}\r\nTransfer-Encoding: chunked\r\n\r\n"
    host, port = here.split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT_S) as api:
        api.sendall(head.encode())
        with suppress(ConnectionError):
            for _ in range(20):
                api.sendall(b"2710\r\n" + bytes(10_000) + b"\r\n")
        assert api.recv(65_536).startswith(b"HTTP/1.1 413")
