"""The map over HTTP: drawn once in a thread, kept in step, never with what was removed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import WAIT_S, until

from retrieval import Library
from retrieval.map import LibraryMap, MapProgress

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from retrieval.server import guard
from retrieval.server.app import create_app
from retrieval.server.jobs import MapJob

HOST = "localhost:8090"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def api(folder: str) -> Iterator[TestClient]:
    app = create_app(folder, "auto", guard.Rules(frozenset({HOST})))
    with TestClient(app, base_url=f"http://{HOST}") as client:
        yield client


def drawn(api: TestClient, count: int) -> dict[str, Any]:
    """Ask until the map has so many pictures and nobody draws."""

    def finished() -> bool:
        answer = api.get("/api/map")
        header = answer.json()
        return bool(
            answer.status_code == 200 and header["count"] == count and header["drawing"] is None
        )

    until(finished)
    return dict(api.get("/api/map").json())


def points(api: TestClient, header: dict[str, Any]) -> tuple[Any, Any, Any]:
    answer = api.get("/api/map/points", params={"version": header["version"]})
    assert answer.status_code == 200
    count = header["count"]
    assert len(answer.content) == 14 * count
    ids = np.frombuffer(answer.content, "<u4", count)
    places = np.frombuffer(answer.content, "<f4", 2 * count, 4 * count).reshape(-1, 2)
    return ids, places, np.frombuffer(answer.content, "<u2", count, 12 * count)


def test_the_first_request_has_it_drawn(api: TestClient, folder: str) -> None:
    assert api.get("/api/map/points").status_code == 404
    assert api.get("/api/map", params={"draw": False}).json() == {"drawing": None, "error": ""}
    first = api.get("/api/map")
    assert first.status_code == 202
    assert 0 <= first.json()["drawing"]["share"] <= 1
    header = drawn(api, 34)
    ids, places, region = points(api, header)
    with Library.open(folder) as library:
        known = library.map.current()
    assert known is not None
    assert ids.tolist() == known.ids.tolist()
    np.testing.assert_array_equal(places, known.positions)
    assert header["layout"] == "neighbours"
    assert header["lacking"] == 0
    finest = max(each["level"] for each in header["regions"])
    assert {header["regions"][each]["level"] for each in region.tolist()} == {finest}


def test_new_pictures_are_placed_and_the_old_points_are_refused(
    api: TestClient, folder: str, encoder: FakeEncoder, pictures: Path
) -> None:
    before = drawn(api, 34)
    paint(pictures / "white.png", "white")
    with Library.open(folder, encoder) as library:
        library.add(pictures)
    after = drawn(api, 35)
    assert len(points(api, after)[0]) == 35
    refused = api.get("/api/map/points", params={"version": before["version"]})
    assert refused.status_code == 409


def test_what_was_removed_is_never_sent(
    api: TestClient, folder: str, encoder: FakeEncoder, pictures: Path
) -> None:
    header = drawn(api, 34)
    with Library.open(folder, encoder) as library:
        (gone,) = [row.id for row, _ in library.images() if row.paths[0].endswith("red.png")]
        library.remove(pictures / "red.png")
    answer = api.get("/api/map/points", params={"version": header["version"]})
    assert answer.status_code == 404
    header = drawn(api, 33)
    assert gone not in points(api, header)[0]
    assert gone not in [region["picture"] for region in header["regions"]]


def test_questions_are_answered_while_it_is_drawn(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, held = threading.Event(), threading.Event()

    def slow(self: LibraryMap, *, rebuild: bool = False) -> Iterator[MapProgress]:
        yield MapProgress("arranging", 0.5)
        begun.set()
        held.wait(WAIT_S)

    monkeypatch.setattr(LibraryMap, "iter_update", slow)
    api.get("/api/map")
    assert begun.wait(WAIT_S)
    waiting = api.get("/api/map")
    assert waiting.status_code == 202
    assert waiting.json()["drawing"] == {"stage": "arranging", "share": 0.5}
    assert api.get("/api/search", params={"q": "red", "limit": 1}).json()["hits"]
    held.set()


def test_a_drawing_that_failed_is_explained_and_tried_again_on_request(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("retrieval.map.encode_corpus", _broken)
        api.get("/api/map")
        until(lambda: api.get("/api/map").status_code == 503)
        assert "no words" in api.get("/api/map").json()["error"]
    assert api.get("/api/map").status_code == 503
    assert api.post("/api/map").status_code == 202
    assert drawn(api, 34)["error"] == ""


def _broken(*_: object) -> None:
    raise RuntimeError("no words")


def test_it_is_rebuilt_on_request(api: TestClient) -> None:
    header = drawn(api, 34)
    places = points(api, header)[1]
    assert api.post("/api/map", params={"rebuild": True}).status_code == 202
    np.testing.assert_array_equal(points(api, drawn(api, 34))[1], places)


def test_a_drawing_is_given_up_when_the_server_ends(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    yielded = threading.Event()

    def endless(self: LibraryMap, *, rebuild: bool = False) -> Iterator[MapProgress]:
        while True:
            yield MapProgress("arranging", 0.5)
            yielded.set()

    monkeypatch.setattr(LibraryMap, "iter_update", endless)
    job = MapJob("map", lambda: Library.open(folder))
    job.start()
    assert yielded.wait(WAIT_S)
    job.close()
    assert not job.state.running
    job.start()
    assert not job.state.running
