"""The tools for assistants, asked by the SDK's own client: in memory, over HTTP, over stdio."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner
from PIL import Image
from support.fakes import FakeEncoder
from support.painting import paint

import retrieval.context
from retrieval import Library
from retrieval.commands import pixtrieve
from retrieval.errors import MissingExtra, ModelNotFound
from retrieval.scoring.calibration import Calibration

pytest.importorskip("mcp")
pytest.importorskip("fastapi")
import httpx2
import uvicorn
from fastapi.testclient import TestClient
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.lowlevel import Server
from mcp.types import INVALID_PARAMS, CallToolResult, ImageContent, TextContent

from retrieval.server import guard
from retrieval.server.app import create_app
from retrieval.server.library_thread import LibraryThread
from retrieval.server.mcp.protocol import make_server
from retrieval.server.mcp.tools import McpTools

T = TypeVar("T")
TOKEN = "s3cret-token"
TOOLS = {"search_images", "similar_images", "describe_image", "library_status"}


def talk(server: Any, said: Callable[[Client], Awaitable[T]], mode: str = "auto") -> T:
    transport = stdio_client(server) if isinstance(server, StdioServerParameters) else server

    async def run() -> T:
        async with Client(transport, mode=mode, read_timeout_seconds=60) as client:
            return await said(client)

    return asyncio.run(run())


def refusal(server: Any, said: Callable[[Client], Awaitable[object]]) -> str:
    """Return the error with which the protocol itself refuses."""

    async def refused(client: Client) -> str:
        with pytest.raises(MCPError) as error:
            await said(client)
        assert error.value.error.code == INVALID_PARAMS
        return error.value.error.message

    return talk(server, refused)


def call(server: Any, tool: str, **arguments: object) -> CallToolResult:
    return talk(server, lambda client: client.call_tool(tool, arguments))


def facts(answer: CallToolResult) -> Any:
    """Return what was answered, the same as structure and as text."""
    assert not answer.is_error, answer.content
    first = answer.content[0]
    assert isinstance(first, TextContent)
    assert json.loads(first.text) == answer.structured_content
    return answer.structured_content


def names(answer: CallToolResult) -> list[str]:
    return [os.path.basename(hit["path"]) for hit in facts(answer)["hits"]]


def complaint(answer: CallToolResult) -> str:
    assert answer.is_error
    (only,) = answer.content
    assert isinstance(only, TextContent)
    assert "Traceback" not in only.text
    return only.text


def seen(answer: CallToolResult) -> list[Image.Image]:
    """Return the pictures of an answer, decoded."""
    found = []
    for block in answer.content:
        if isinstance(block, ImageContent):
            picture = Image.open(io.BytesIO(base64.b64decode(block.data, validate=True)))
            assert block.mime_type == f"image/{str(picture.format).lower()}" == "image/jpeg"
            picture.load()
            found.append(picture)
    return found


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptions are encoded into a cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def local(folder: str) -> Iterator[Server[Any]]:
    """The server that `pixtrieve mcp` is."""
    desk = LibraryThread(folder, "auto", lazy=True)
    yield make_server(McpTools(desk, os.path.join(folder, "thumbnails"), files=True))
    desk.close()


@pytest.fixture
def address(folder: str) -> Iterator[str]:
    """`pixtrieve serve`, with a token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = create_app(folder, "auto", guard.Rules(frozenset({f"127.0.0.1:{port}"}), TOKEN))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/mcp"
    server.should_exit = True
    thread.join()


def over_http(
    address: str,
    said: Callable[[Client], Awaitable[T]],
    mode: str = "auto",
    token: str = f"Bearer {TOKEN}",
) -> T:
    async def run() -> T:
        headers = {"authorization": token} if token else {}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as client:
            transport = streamable_http_client(address, http_client=client)
            async with Client(transport, mode=mode) as asking:
                return await said(asking)

    return asyncio.run(run())


def test_every_tool_says_what_it_takes_and_gives(local: Server[Any]) -> None:
    listed = talk(local, lambda client: client.list_tools()).tools
    assert {tool.name for tool in listed} == TOOLS
    for tool in listed:
        assert tool.description
        assert tool.annotations
        assert tool.annotations.read_only_hint
        assert tool.annotations.open_world_hint is False
        assert tool.input_schema["additionalProperties"] is False
        for name, field in tool.input_schema["properties"].items():
            assert field["description"], name
            assert "title" not in field
        assert tool.output_schema
        assert tool.output_schema["type"] == "object"


def test_the_examples_that_a_model_reads_can_be_asked(local: Server[Any]) -> None:
    (tool,) = (
        tool
        for tool in talk(local, lambda client: client.list_tools()).tools
        if tool.name == "search_images"
    )
    examples = {
        name: re.search(r"Example: (.*?)(?:\. [A-Z]|$)", field["description"])
        for name, field in tool.input_schema["properties"].items()
        if "Example:" in field["description"]
    }
    assert set(examples) == {"query", "where"}
    for name, found in examples.items():
        assert found
        asked = {"query": "red", name: found[1].replace("#17", "#1")}
        facts(call(local, "search_images", **asked))
    for where in (
        "gps near 48.85,2.35 within 10 km",
        "path in 'trips/'",
        "size > 2MB",
        "orientation = landscape and format = JPEG",
        "text ~ 'birthday' or tag = 'dog' or name = 'IMG_*'",
        "has taken or has camera or has gps or has tag or has text",
    ):
        facts(call(local, "search_images", query="red", where=where))


def test_words_find_pictures_and_the_first_can_be_seen(
    calibrated: Calibration, local: Server[Any]
) -> None:
    answer = call(local, "search_images", query="red", limit=6)
    assert names(answer)[:2] == ["red.png", "yellow.png"]
    first = facts(answer)["hits"][0]
    assert facts(answer)["searched"] == 34
    assert (first["width"], first["height"]) == (24, 16)
    assert first["score"] > 0.9
    assert 0 <= first["confidence"] <= 1
    assert "copies" not in first  # what is empty costs nothing
    shown = seen(answer)
    assert len(shown) == 4
    red, green, blue = shown[0].convert("RGB").resize((1, 1)).getpixel((0, 0))
    assert red > 240
    assert max(green, blue) < 20
    labels = [b.text for b in answer.content[1:] if isinstance(b, TextContent)]
    assert labels == [f"#{hit['id']}:" for hit in facts(answer)["hits"][:4]]


@pytest.mark.parametrize(("images", "side"), [(0, 256), (1, 16), (3, 64), (10, 512)])
def test_pictures_are_as_many_and_as_small_as_asked(
    local: Server[Any], folder: str, tmp_path: Path, images: int, side: int
) -> None:
    for number in range(3):
        paint(tmp_path / f"more/{number}.png", (255, number, 0), size=(1600, 900))
    with Library.open(folder) as library:
        library.add(tmp_path / "more")
    answer = call(
        local,
        "search_images",
        query="red",
        limit=3,
        images=images,
        image_size=side,
        where="name ~ '.png' and width > 1000",
    )
    shown = seen(answer)
    assert len(shown) == min(images, 3)
    assert all(max(picture.size) == side for picture in shown)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"images": 11}, "images"),
        ({"image_size": 4096}, "image_size"),
        ({"offset": -1}, "offset"),
        ({"min_confidence": 2}, "min_confidence"),
        ({"sort": "colour"}, "sort"),
        ({"like": ["x"]}, "like"),
        ({"like": list(range(1, 200))}, "like"),
        ({"query": "x" * 3000}, "query"),
        ({"colour": "red"}, "colour: there is no such argument"),
    ],
)
def test_wrong_arguments_are_named(local: Server[Any], wrong: dict[str, Any], named: str) -> None:
    said = complaint(call(local, "search_images", **{"query": "red", **wrong}))
    assert said.startswith(named)
    assert "pydantic" not in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "the question is empty"),
        ({"query": "- red"}, "only what must not be there"),
        ({"query": "#12345"}, "there is no picture #12345"),
        ({"query": "red", "where": "colour = 1"}, "colour"),
        ({"query": 'concept:"cat"'}, "cat"),
        ({"query": "red", "like": [9999]}, "9999"),
        ({"query": "http://127.0.0.1/a.png"}, "none is fetched"),
    ],
)
def test_what_cannot_be_asked_is_explained_with_a_hint(
    local: Server[Any], arguments: dict[str, Any], said: str
) -> None:
    message, hint = complaint(call(local, "search_images", **arguments)).split("\n", 1)
    assert said in message
    assert hint.strip()


def test_pages_do_not_overlap_however_they_are_sorted(local: Server[Any]) -> None:
    whole = names(call(local, "search_images", query="red", limit=34))
    for sort in ("best", "name"):
        paged: list[str] = []
        for offset in range(0, 40, 9):
            page = call(
                local, "search_images", query="red", limit=9, offset=offset, sort=sort, images=0
            )
            paged += names(page)
            assert sort == "best" or names(page) == sorted(names(page))
        assert sorted(paged) == sorted(whole)


def test_filters_groups_and_examples(calibrated: Calibration, local: Server[Any]) -> None:
    narrowed = call(local, "search_images", query="red", where="folder in 'deep'")
    assert set(names(narrowed)) == {"blue.png", "yellow.png"}
    listed = call(local, "search_images", where="name ~ '0'", sort="name", limit=3)
    assert names(listed) == ["00.png", "01.png", "02.png"]
    assert "score" not in facts(listed)["hits"][0]
    grouped = facts(call(local, "search_images", query="red", group="folder"))["hits"]
    assert len(grouped) == 4
    assert max(hit.get("others", 0) for hit in grouped) == 29
    found = facts(call(local, "search_images", query="red"))["hits"]
    red, yellow = (hit["id"] for hit in found[:2])
    plain = {"query": "green", "look_in": "pictures", "limit": 34}
    scores = [
        {hit["id"]: hit["score"] for hit in facts(answer)["hits"]}
        for answer in (
            call(local, "search_images", **plain),
            call(local, "search_images", **plain, like=f"[{red}]"),
            call(local, "search_images", **plain, like=[f"#{red}"], unlike=yellow),
        )
    ]
    assert scores[1][yellow] > max(scores[0][yellow], scores[2][yellow])
    every = facts(call(local, "search_images", **plain))["hits"]
    likely = {hit["id"]: hit["confidence"] for hit in every}
    sure = facts(call(local, "search_images", **plain, min_confidence=0.5))["hits"]
    assert {hit["id"] for hit in sure} == {key for key, value in likely.items() if value >= 0.5}
    assert 0 < len(sure) < 34


def test_similar_to_an_indexed_picture_by_id_and_by_path(
    local: Server[Any], pictures: Path
) -> None:
    red = facts(call(local, "search_images", query="red", limit=1))["hits"][0]
    for one in ({"id": red["id"]}, {"id": f"#{red['id']}"}, {"path": red["path"]}):
        answer = call(local, "similar_images", **one, limit=1)
        assert names(answer) == ["yellow.png"]
        assert facts(answer)["query"] == f"#{red['id']}"
        assert len(seen(answer)) == 1
    (pictures / "red.png").unlink()  # nothing has to be read
    answer = call(local, "similar_images", path=red["path"], where="folder in 'deep'", limit=5)
    assert set(names(answer)) == {"yellow.png", "blue.png"}
    for none_or_two in ({}, {"id": red["id"], "path": red["path"]}):
        assert complaint(call(local, "similar_images", **none_or_two)).startswith("name one")
    assert "no picture #9999" in complaint(call(local, "similar_images", id=9999))


def test_similar_to_a_file_of_one_s_own(local: Server[Any], tmp_path: Path) -> None:
    paint(tmp_path / "mine.png", (250, 5, 5))
    answer = call(local, "similar_images", path=str(tmp_path / "mine.png"), limit=1)
    assert names(answer) == ["red.png"]
    (tmp_path / "notes.txt").write_text("no picture")
    for wrong in ("notes.txt", "nothing.png", "a\0b.png"):
        assert wrong in complaint(call(local, "similar_images", path=str(tmp_path / wrong)))


def test_a_picture_is_described(local: Server[Any], folder: str, pictures: Path) -> None:
    with Library.open(folder) as library:
        library.texts.put({str(pictures / "red.png"): ["my red bicycle " + "x" * 5000]})
        library.tags.label(["red", "blue"], least=0.0)
        library.concepts.learn("ours", ["#1"])
    red = facts(call(local, "search_images", query="red", limit=1))["hits"][0]["id"]
    for one in ({"id": red}, {"path": str(pictures / "red.png")}):
        answer = call(local, "describe_image", **one)
        told = facts(answer)
        assert told["paths"] == [str(pictures / "red.png")]
        assert (told["format"], told["width"], told["height"]) == ("PNG", 24, 16)
        assert told["bytes"] == (pictures / "red.png").stat().st_size
        assert told["modified"].startswith("20")
        assert len(told["descriptions"]) == 5
        assert {tag["label"] for tag in told["tags"]} == {"red", "blue"}
        texts = {each["source"]: each["text"] for each in told["texts"]}
        assert texts["caption"].startswith("my red bicycle")
        assert len(texts["caption"]) == 2000
        assert [picture.size for picture in seen(answer)] == [(24, 16)]
    bare = call(local, "describe_image", id=red, image_size=0, descriptions=0)
    assert len(bare.content) == 1
    assert "descriptions" not in facts(bare)
    assert "no picture #9999" in complaint(call(local, "describe_image", id=9999))
    assert "is not a picture of this library" in complaint(
        call(local, "describe_image", path="/etc/passwd")
    )
    status = facts(call(local, "library_status"))
    assert status["texts"]["caption"] == 1
    assert {tag["label"]: tag["pictures"] for tag in status["tags"]} == {"red": 34, "blue": 34}
    assert status["concepts"] == ["ours"]


def test_a_large_picture_comes_no_larger_than_asked(
    local: Server[Any], folder: str, tmp_path: Path
) -> None:
    paint(tmp_path / "more/wide.png", "white", size=(3000, 1000))
    with Library.open(folder) as library:
        library.add(tmp_path / "more")
    wide = str(tmp_path / "more/wide.png")
    for side in (100, 512, 768, 1568):
        (picture,) = seen(call(local, "describe_image", path=wide, image_size=side))
        assert max(picture.size) == side
    assert "image_size" in complaint(call(local, "describe_image", path=wide, image_size=5000))


def test_a_picture_that_is_gone_is_told_of(local: Server[Any], pictures: Path) -> None:
    (pictures / "red.png").write_bytes(b"something else")
    answer = call(local, "search_images", query="red", limit=2)
    assert names(answer) == ["red.png", "yellow.png"]
    assert len(seen(answer)) == 1
    reason = answer.content[1]
    assert isinstance(reason, TextContent)
    assert "changed since it was indexed" in reason.text
    described = call(local, "describe_image", id=facts(answer)["hits"][0]["id"])
    assert seen(described) == []
    assert facts(described)["format"] == "PNG"


def test_what_the_library_holds(
    local: Server[Any], folder: str, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with Library.open(folder) as library:
        library.add(tmp_path / "bad")
    told = facts(call(local, "library_status"))
    assert (told["pictures"], told["files"], told["damaged"]) == (34, 34, 1)
    assert told["model"] == "fake"
    assert told["languages"] == "unknown"
    assert {each["path"] for each in told["folders"]} == {str(pictures), str(tmp_path / "bad")}


def test_a_name_that_is_no_text_is_shown_all_the_same(
    local: Server[Any], folder: str, tmp_path: Path
) -> None:
    paint(tmp_path / "plain.png", (255, 250, 250))
    (tmp_path / "more").mkdir()
    try:
        os.rename(tmp_path / "plain.png", os.fsencode(tmp_path) + b"/more/caf\xe9.png")
    except OSError:
        pytest.skip("this file system has no such names")
    with Library.open(folder) as library:
        library.add(tmp_path / "more")
    answer = call(local, "search_images", query="white", limit=1)
    assert names(answer) == ["caf\ufffd.png"]
    assert len(seen(answer)) == 1
    told = facts(call(local, "describe_image", id=facts(answer)["hits"][0]["id"]))
    assert told["paths"][0].endswith("caf\ufffd.png")


def test_the_model_is_loaded_only_where_it_is_needed(
    local: Server[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ModelNotFound("the model is not here", "fetch it")

    with monkeypatch.context() as patch:
        patch.setattr(retrieval.context, "open_encoder", missing)
        assert facts(call(local, "library_status"))["pictures"] == 34
        assert names(call(local, "similar_images", id=1, limit=1))
        told = facts(call(local, "describe_image", id=1))
        assert "the model is not here" in told["note"]
        assert "descriptions" not in told
        said = complaint(call(local, "search_images", query="red"))
        assert said == "the model is not here\nfetch it"
    assert names(call(local, "search_images", query="red", limit=1)) == ["red.png"]


def test_a_crash_is_logged_here_and_tells_nothing_there(
    local: Server[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("what nobody shall read")

    monkeypatch.setattr(Library, "status", broken)
    said = complaint(call(local, "library_status"))
    assert "RuntimeError" in said
    assert "nobody" not in said
    assert "what nobody shall read" in caplog.text


def test_a_tool_that_does_not_exist(local: Server[Any]) -> None:
    said = refusal(local, lambda client: client.call_tool("delete_images", {}))
    assert "there is no tool delete_images" in said


def test_pictures_are_resources_too(local: Server[Any]) -> None:
    templates = talk(local, lambda client: client.list_resource_templates()).resource_templates
    assert [each.uri_template for each in templates] == ["pixtrieve://picture/{id}"]
    assert talk(local, lambda client: client.list_resources()).resources == []
    (found,) = talk(local, lambda client: client.read_resource("pixtrieve://picture/1")).contents
    assert found.mime_type == "image/jpeg"
    assert Image.open(io.BytesIO(base64.b64decode(found.blob))).size == (24, 16)  # type: ignore[union-attr]
    for wrong in ("picture/9999", "picture/0", "picture/../../etc/passwd", "x"):
        said = refusal(local, lambda client, w=wrong: client.read_resource(f"pixtrieve://{w}"))
        assert "there is no" in said


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

    monkeypatch.setattr("retrieval.images.decoding.open_file", opened)
    monkeypatch.setattr("retrieval.images.download.download", opened)
    secret = str(tmp_path / "secret.png")
    for query in ("./secret.png", secret, f'red + picture:"{secret}"', "red - http://127.0.0.1/a"):
        asked = {"query": query}
        answer = over_http(address, lambda c, a=asked: c.call_tool("search_images", a))
        assert "the server opens none" in complaint(answer)
    for tool in ("similar_images", "describe_image"):
        for path in (secret, "/etc/passwd", "secret.png", "../secret.png", "~/a.png"):
            asked = {"path": path}
            answer = over_http(address, lambda c, t=tool, a=asked: c.call_tool(t, a))
            assert "is not a picture of this library" in complaint(answer)
    indexed = {"path": str(pictures / "red.png"), "limit": 1, "images": 0}
    answer = over_http(address, lambda c: c.call_tool("similar_images", indexed))
    assert names(answer) == ["yellow.png"]


@pytest.mark.parametrize("token", ["", "Bearer wrong", TOKEN[:-1]])
def test_over_http_the_token_is_needed(address: str, token: str) -> None:
    assert httpx2.post(address, json={}, headers={"authorization": token}).status_code == 401
    with pytest.raises(BaseExceptionGroup):
        over_http(address, lambda client: client.list_tools(), token=token)
    assert len(over_http(address, lambda client: client.list_tools()).tools) == 4


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


# `pixtrieve mcp` as a process of its own, with an encoder that writes to standard output.
FAKE = """
import sys
import retrieval.library, retrieval.context, retrieval.folder.opening
from support.fakes import FakeEncoder
from retrieval.commands import main
from retrieval.encoders import ModelIdentity

class Noisy(FakeEncoder):
    def encode_texts(self, texts):
        print("a line that is no protocol", flush=True)
        return super().encode_texts(texts)

for module in (retrieval.library, retrieval.library.base, retrieval.context):
    module.open_encoder = lambda *_, **__: Noisy()
for module in (retrieval.folder.opening, retrieval.context):
    module.identify = lambda name: ModelIdentity(name, "fake-1")
main(sys.argv[1:])
"""


def started(folder: str) -> StdioServerParameters:
    here = Path(__file__).parent.parent
    return StdioServerParameters(
        command=sys.executable,
        args=["-W", "error", "-c", FAKE, "mcp", "--library", folder],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])},
    )


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_every_tool_answers_over_stdio(folder: str, mode: str, pictures: Path) -> None:
    async def all_of_them(client: Client) -> list[CallToolResult]:
        assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
        return [
            await client.call_tool("search_images", {"query": "red", "limit": 2}),
            await client.call_tool("similar_images", {"path": str(pictures / "red.png")}),
            await client.call_tool("describe_image", {"id": 1}),
            await client.call_tool("library_status", {}),
            await client.call_tool("search_images", {"query": "- red"}),
        ]

    search, similar, described, status, wrong = talk(started(folder), all_of_them, mode)
    assert names(search) == ["red.png", "yellow.png"]
    assert names(similar)[0] == "yellow.png"
    assert len(seen(described)) == 1
    assert facts(status)["pictures"] == 34
    assert "only what must not be there" in complaint(wrong)


def test_without_a_library_it_ends_with_an_explanation(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "retrieval", "mcp", "--library", str(tmp_path)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "there is no library in" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals of its own")
def test_it_ends_with_its_input_and_when_interrupted(folder: str) -> None:
    parameters = started(folder)
    for end in ("input", "interrupt"):
        process = subprocess.Popen(
            [parameters.command, *parameters.args],
            env=parameters.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin
        assert process.stdout
        ask = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        process.stdin.write(json.dumps(ask).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        if end == "input":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == (0 if end == "input" else -signal.SIGINT)
        assert process.stdout.read() == b""
        process.stdin.close()
        process.stdout.close()


@pytest.mark.slow
def test_the_built_in_model_answers_over_stdio(tmp_path: Path) -> None:
    for colour in ("red", "green", "blue"):
        paint(tmp_path / f"pictures/{colour}.png", colour)
    with Library.create(tmp_path / "library", "pocket") as library:
        library.add(tmp_path / "pictures")
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "retrieval", "mcp", "--library", str(tmp_path / "library")],
        cwd=str(Path(retrieval.__file__).parent.parent),
        env=dict(os.environ),
    )
    answer = call(parameters, "search_images", query="red", limit=3)
    assert set(names(answer)) == {"red.png", "green.png", "blue.png"}
    assert len(seen(answer)) == 3
    assert facts(call(parameters, "library_status"))["languages"] == "English"


def test_the_fake_process_is_the_fake_encoder(encoder: FakeEncoder) -> None:
    """The process above opens libraries that the suite's encoder has made."""
    assert encoder.spec.fingerprint in FAKE
