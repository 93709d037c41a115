"""`search_images`, asked by the SDK's own client."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from support.painting import paint

from retrieval import Library
from retrieval.scoring.calibration import Calibration

pytest.importorskip("mcp")
pytest.importorskip("fastapi")
from mcp.server.lowlevel import Server
from mcp.types import TextContent
from support.mcp_client import call, complaint, facts, names, seen, talk


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
    red, green, blue = shown[0].convert("RGB").resize((1, 1)).tobytes()
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
        ({}, "the query is empty"),
        ({"query": "- red"}, "only terms to exclude"),
        ({"query": "#12345"}, "there is no picture #12345"),
        ({"query": "red", "where": "colour = 1"}, "colour"),
        ({"query": 'concept:"cat"'}, "cat"),
        ({"query": "red", "like": [9999]}, "9999"),
        ({"query": "http://127.0.0.1/a.png"}, "not downloaded here"),
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
