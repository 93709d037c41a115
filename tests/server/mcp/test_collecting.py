"""Assistants see and fill albums, and open and save searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.painting import paint

from retrieval import Library, Query, SearchOptions
from retrieval.scoring.calibration import Calibration

pytest.importorskip("mcp")
pytest.importorskip("fastapi")
from mcp.server.lowlevel import Server
from support.mcp_client import call, complaint, facts, names, seen


def ids_of(local: Server[Any], where: str) -> list[int]:
    found = facts(call(local, "search_images", where=where, images=0))["hits"]
    return [hit["id"] for hit in found]


def test_an_album_is_filled_and_seen(local: Server[Any]) -> None:
    ids = ids_of(local, "name in ('red.png', 'blue.png')")
    done = facts(call(local, "collect_pictures", ids=ids, album="Holiday", favourite=True))
    assert done == {"album": "Holiday", "changed": 2, "pictures": 2, "marked": 2}
    found = facts(call(local, "list_collections"))
    assert found["albums"][0]["name"] == "Holiday"
    assert found["favourites"] == 2
    shown = call(local, "search_images", where="album = 'holiday' and favourite")
    assert sorted(names(shown)) == ["blue.png", "red.png"]
    told = facts(call(local, "describe_image", id=ids[0], descriptions=0))
    assert told["albums"] == ["Holiday"]
    assert told["favourite"] is True
    done = facts(call(local, "collect_pictures", ids=ids[:1], album="Holiday", remove=True))
    assert done == {"album": "Holiday", "changed": 1, "pictures": 1}


def test_what_cannot_be_collected(local: Server[Any]) -> None:
    assert "name an album" in complaint(call(local, "collect_pictures", ids=[1]))
    assert "ids" in complaint(call(local, "collect_pictures", ids=[], album="A"))
    assert "#9999" in complaint(call(local, "collect_pictures", ids=[9999], album="A"))
    refused = call(local, "collect_pictures", ids=[1], album="A", remove=True)
    assert "no album" in complaint(refused)
    assert facts(call(local, "list_collections")) == {"albums": [], "favourites": 0, "saved": []}


def test_a_search_is_saved_and_opened(
    local: Server[Any], folder: str, pictures: Path, calibrated: Calibration
) -> None:
    saved = facts(call(local, "save_search", name="Reds", query="red", where="width > 1"))
    assert saved == {
        "name": "Reds", "query": "red", "where": "width > 1", "min_confidence": 0.5, "new": 0
    }  # fmt: skip
    assert "already" in complaint(call(local, "save_search", name="reds", query="green"))
    paint(pictures / "red 2.png", (255, 3, 0))
    with Library.open(folder) as library:
        library.add()
    for _ in range(2):  # what an assistant sees stays new for the user
        answer = call(local, "open_saved_search", name="Reds", new=True)
        assert names(answer) == ["red 2.png"]
        assert len(seen(answer)) == 1
    assert facts(call(local, "list_collections"))["saved"][0]["new"] == 1
    assert len(names(call(local, "open_saved_search", name="Reds"))) == 2
    assert names(call(local, "open_saved_search", name="Reds", offset=1, limit=5)) != []
    assert "Reds" in complaint(call(local, "open_saved_search", name="Blues"))


def test_a_search_that_cannot_be_asked_says_why(
    local: Server[Any], folder: str, tmp_path: Path
) -> None:
    with Library.open(folder) as library:
        library.concepts.learn("warm", ["#1"])
        library.saved.add("Warm", Query.parse('concept:"warm"'), SearchOptions())
        library.concepts.forget("warm")
    (saved,) = facts(call(local, "list_collections"))["saved"]
    assert "warm" in saved["trouble"]
    assert "new" not in saved
