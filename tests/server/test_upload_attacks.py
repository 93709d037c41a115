"""Uploads and requests of somebody who means harm; each test fails without its defence."""

from __future__ import annotations

import json
import os
import socket
import struct
import zlib
from contextlib import suppress
from typing import Any

import pytest
from support.waiting import WAIT_S

pytest.importorskip("fastapi")
from support.api_client import Client

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


def test_a_small_upload_that_would_fill_the_memory_is_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import PngImagePlugin

    def decoded(*_: Any) -> None:
        raise AssertionError("its pixels were asked for")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", decoded)
    answer = client().post("/api/search", content=png(50_000, 50_000))
    assert answer.status_code == 422
    assert "megapixels" in answer.json()["error"]


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
