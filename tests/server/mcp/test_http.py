"""The tools over HTTP, at the address `/mcp` of `pixtrieve serve`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner
from support.painting import paint

from retrieval.commands import pixtrieve
from retrieval.errors import MissingExtra

pytest.importorskip("mcp")
pytest.importorskip("fastapi")
import httpx2
from fastapi.testclient import TestClient
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult
from support.mcp_client import TOOLS, complaint, facts, names, seen
from support.serving import free_port, served
from support.waiting import WAIT_S

from retrieval.server import guard
from retrieval.server.app import create_app

T = TypeVar("T")
TOKEN = "s3cret-token"


@pytest.fixture
def address(folder: str) -> Iterator[str]:
    """`pixtrieve serve`, with a token."""
    port = free_port()
    app = create_app(folder, "auto", guard.Rules(frozenset({f"127.0.0.1:{port}"}), TOKEN))
    with served(app, port):
        yield f"http://127.0.0.1:{port}/mcp"


def over_http(
    address: str,
    said: Callable[[Client], Awaitable[T]],
    mode: str = "auto",
    token: str = f"Bearer {TOKEN}",
) -> T:
    async def run() -> T:
        headers = {"authorization": token} if token else {}
        async with httpx2.AsyncClient(headers=headers, timeout=WAIT_S) as http:
            transport = streamable_http_client(address, http_client=http)
            async with Client(transport, mode=mode) as client:
                return await said(client)

    return asyncio.run(run())


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_every_tool_answers_over_http(address: str, mode: str) -> None:
    async def all_of_them(client: Client) -> list[CallToolResult]:
        assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
        asked = [
            client.call_tool("search_images", {"query": "red", "limit": 2}),
            client.call_tool("similar_images", {"id": 1}),
            client.call_tool("describe_image", {"id": 1}),
            client.call_tool("library_status", {}),
        ]
        return list(await asyncio.gather(*asked))

    search, similar, described, status = over_http(address, all_of_them, mode)
    assert names(search) == ["red.png", "yellow.png"]
    assert len(seen(search)) == 2
    assert facts(similar)["query"] == "#1"
    assert len(seen(described)) == 1
    assert facts(status)["pictures"] == 34


def test_over_http_nothing_is_opened_that_is_not_indexed(
    address: str, tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path / "secret.png", "red")
    monkeypatch.chdir(tmp_path)

    def opened(*paths: object, **_: object) -> None:
        raise AssertionError(f"{paths} was opened")

    def call_over_http(tool: str, **arguments: object) -> CallToolResult:
        return over_http(address, lambda client: client.call_tool(tool, arguments))

    monkeypatch.setattr("retrieval.images.decoding.open_file", opened)
    monkeypatch.setattr("retrieval.server.query_pictures.read_picture", opened)
    monkeypatch.setattr("retrieval.images.download.download", opened)
    secret = str(tmp_path / "secret.png")
    for query in ("./secret.png", secret, f'red + picture:"{secret}"', "red - http://127.0.0.1/a"):
        assert "the server opens neither" in complaint(call_over_http("search_images", query=query))
    for tool in ("similar_images", "describe_image"):
        for path in (secret, "/etc/passwd", "secret.png", "../secret.png", "~/a.png"):
            said = complaint(call_over_http(tool, path=path))
            assert "is not a picture of this library" in said
    red = str(pictures / "red.png")
    answer = call_over_http("similar_images", path=red, limit=1, images=0)
    assert names(answer) == ["yellow.png"]


@pytest.mark.parametrize("token", ["", "Bearer wrong", TOKEN[:-1]])
def test_over_http_the_token_is_needed(address: str, token: str) -> None:
    assert httpx2.post(address, json={}, headers={"authorization": token}).status_code == 401
    with pytest.raises(BaseExceptionGroup):
        over_http(address, lambda client: client.list_tools(), token=token)
    assert len(over_http(address, lambda client: client.list_tools()).tools) == len(TOOLS)


def test_the_address_stands_behind_the_guard(folder: str) -> None:
    app = create_app(folder, "auto", guard.Rules(frozenset({"localhost:8090"})))
    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    takes = {"accept": "application/json, text/event-stream"}
    with TestClient(app, base_url="http://localhost:8090") as client:
        good = client.post("/mcp", json=ask, headers=takes)
        assert {tool["name"] for tool in good.json()["result"]["tools"]} == TOOLS
        assert good.headers["content-type"] == "application/json"
        assert "default-src 'none'" in good.headers["content-security-policy"]
        for headers, status in (
            ({"host": "evil.example"}, 421),
            ({"origin": "https://evil.example"}, 403),
            ({"sec-fetch-site": "cross-site"}, 403),
            ({"content-type": "text/plain"}, 400),
        ):
            answer = client.post("/mcp", json=ask, headers={**takes, **headers})
            assert answer.status_code == status
        for method in ("GET", "DELETE", "PUT"):
            assert client.request(method, "/mcp", headers=takes).status_code == 405
        assert "/mcp" not in client.get("/api/openapi.json").json()["paths"]


def test_without_the_extra_it_is_named(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "retrieval.server.mcp.http", None)
    monkeypatch.setitem(sys.modules, "retrieval.server.mcp.stdio", None)
    app = create_app(folder, "auto", guard.Rules(frozenset({"localhost:8090"})))
    with TestClient(app, base_url="http://localhost:8090") as client:
        answer = client.post("/mcp", json={})
        assert answer.status_code == 501
        assert "pixtrieve[mcp]" in answer.json()["hint"]
        assert client.get("/api/status").status_code == 200
    done = CliRunner().invoke(pixtrieve, ["mcp", "--library", folder])
    assert isinstance(done.exception, MissingExtra)
    assert "pixtrieve[mcp]" in done.exception.hint
