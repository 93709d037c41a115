"""The tools for assistants, asked by the SDK's own client in memory."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.painting import paint

import retrieval.context
from retrieval import Library
from retrieval.errors import ModelNotFound

pytest.importorskip("mcp")
pytest.importorskip("fastapi")
from mcp import Client
from mcp.server.lowlevel import Server
from mcp.types import BlobResourceContents, TextContent
from support.mcp_client import CHANGING, TOOLS, call, complaint, facts, names, refusal, seen, talk


def test_every_tool_says_what_it_takes_and_gives(local: Server[Any]) -> None:
    listed = talk(local, lambda client: client.list_tools()).tools
    assert {tool.name for tool in listed} == TOOLS
    for tool in listed:
        assert tool.description
        assert tool.annotations
        assert tool.annotations.read_only_hint == (tool.name not in CHANGING)
        assert tool.annotations.destructive_hint is False
        assert tool.annotations.open_world_hint is False
        assert tool.input_schema["additionalProperties"] is False
        for name, field in tool.input_schema["properties"].items():
            assert field["description"], name
            assert "title" not in field
        assert tool.output_schema
        assert tool.output_schema["type"] == "object"


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
        assert told["size"] == (pictures / "red.png").stat().st_size
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


def test_places_and_people(local: Server[Any], folder: str, pictures: Path) -> None:
    takeout = {
        "geoData": {"latitude": 38.7139, "longitude": -9.1334},
        "people": [{"name": "Anna"}, {"name": "Bob"}],
    }
    (pictures / "red.png.json").write_text(json.dumps(takeout))
    with Library.open(folder) as library:
        library.add()
    answer = call(local, "search_images", where="place = 'Lisbon' and person = 'Anna'")
    assert names(answer) == ["red.png"]
    told = facts(call(local, "describe_image", path=str(pictures / "red.png")))
    assert (told["city"], told["country"], told["country_code"]) == ("Lisbon", "Portugal", "PT")
    assert told["people"] == ["Anna", "Bob"]
    assert "rating" not in told
    status = facts(call(local, "library_status"))
    assert {each["label"]: each["pictures"] for each in status["people"]} == {"Anna": 1, "Bob": 1}
    assert [each["label"] for each in status["places"]] == ["Lisbon", "Portugal"]
    grouped = facts(call(local, "search_images", where="has place", group="place"))
    assert grouped["hits"][0]["group"] == "Lisbon, Portugal"


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


def test_a_picture_that_is_gone_is_reported(local: Server[Any], pictures: Path) -> None:
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
    def read(address: str, client: Client) -> Awaitable[object]:
        return client.read_resource(address)

    templates = talk(local, lambda client: client.list_resource_templates()).resource_templates
    assert [each.uri_template for each in templates] == ["pixtrieve://picture/{id}"]
    assert talk(local, lambda client: client.list_resources()).resources == []
    (found,) = talk(local, lambda client: client.read_resource("pixtrieve://picture/1")).contents
    assert found.mime_type == "image/jpeg"
    assert isinstance(found, BlobResourceContents)
    assert Image.open(io.BytesIO(base64.b64decode(found.blob))).size == (24, 16)
    for wrong in ("picture/9999", "picture/0", "picture/../../etc/passwd", "x"):
        assert "there is no" in refusal(local, partial(read, f"pixtrieve://{wrong}"))
