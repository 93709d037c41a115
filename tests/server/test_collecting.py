"""Albums, favourites and saved searches over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.api_client import Client, Params, names, numbers
from support.painting import paint

from retrieval import Library, Query, SearchOptions
from retrieval.catalogue.saved import SavedRow, SavedRows
from retrieval.scoring.calibration import Calibration


@pytest.fixture
def api(client: Client) -> Any:
    return client()


def test_an_album_from_making_to_deleting(api: Any) -> None:
    ids = numbers(api)
    red, green, blue = (
        ids[name] for name in ("pictures/red.png", "pictures/green.png", "deep/blue.png")
    )
    made = api.post("/api/albums", json={"name": "Été", "pictures": [red, green]}).json()
    assert (made["added"], made["album"]["name"]) == (2, "Été")
    api.post("/api/albums", json={"name": "éTÉ", "pictures": [blue]})
    shown = {"where": "album = 'été'"}
    assert names(api.get("/api/search", params=shown).json()) == [
        "red.png",
        "green.png",
        "blue.png",
    ]
    timeline = api.get("/api/timeline", params={**shown, "sort": "album"}).json()
    assert (timeline["count"], timeline["days"]) == (3, [])
    api.post("/api/favourites", json={"pictures": [green]})
    parts = api.get(f"/api/timeline/{timeline['order']}/pictures").json()["pictures"]
    assert [(each["id"], each["favourite"]) for each in parts] == [
        (red, False),
        (green, True),
        (blue, False),
    ]
    api.post("/api/favourites", json={"pictures": [green], "favourite": False})
    moved = api.post("/api/albums/move", json={"name": "Été", "pictures": [blue], "to": 1})
    assert moved.json()["order"] == "hand"
    assert names(api.get("/api/search", params=shown).json()) == [
        "blue.png",
        "red.png",
        "green.png",
    ]
    changed = api.patch("/api/albums", json={"name": "Été", "rename": "Summer", "cover": green})
    assert (changed.json()["name"], changed.json()["cover"]) == ("Summer", green)
    assert api.patch("/api/albums", json={"name": "Summer", "cover": 0}).json()["cover"] == blue
    assert (
        api.patch("/api/albums", json={"name": "Summer", "order": "date"}).json()["order"] == "date"
    )
    assert api.get(f"/api/pictures/{green}/albums").json() == {
        "albums": ["Summer"],
        "favourite": False,
    }
    gone = api.post("/api/albums/remove", json={"name": "Summer", "pictures": [green]})
    assert gone.json() == {"removed": 1}
    api.post("/api/albums", json={"name": "Other", "pictures": [green]})
    merged = api.post("/api/albums/merge", json={"name": "Other", "into": "Summer"}).json()
    assert merged["pictures"] == 3
    assert [album["name"] for album in api.get("/api/albums").json()["albums"]] == ["Summer"]
    assert api.delete("/api/albums", params={"name": "summer"}).status_code == 200
    assert api.get("/api/albums").json() == {"albums": []}


def test_names_are_compared_by_the_server(api: Any) -> None:
    for name in ("Été", "Holiday 2023", "My holiday", "holi"):
        api.post("/api/albums", json={"name": name, "new": True})

    def found(text: str) -> tuple[list[str], str]:
        answer = api.get("/api/albums/matching", params={"text": text}).json()
        return answer["names"], answer["creates"]

    assert found("  Holi ") == (["holi", "Holiday 2023", "My holiday"], "")
    assert found("holid") == (["Holiday 2023", "My holiday"], "holid")
    assert found("ete") == (["Été"], "ete")
    assert found("E\u0301TE\u0301") == (["Été"], "")
    assert found("new   one") == ([], "new one")
    assert set(found("")[0]) == {"Été", "Holiday 2023", "My holiday", "holi"}
    assert found("")[1] == ""
    taken = api.post("/api/albums", json={"name": "éTÉ", "new": True})
    assert (taken.status_code, taken.json()["taken"]) == (422, "Été")
    taken = api.patch("/api/albums", json={"name": "holi", "rename": "my  HOLIDAY"})
    assert (taken.status_code, taken.json()["taken"]) == (422, "My holiday")
    assert api.patch("/api/albums", json={"name": "holi", "rename": "Holi"}).status_code == 200
    only = api.get("/api/albums", params={"name": "ÉTÉ"}).json()["albums"]
    assert [album["name"] for album in only] == ["Été"]
    assert api.get("/api/albums", params={"name": "ete"}).json() == {"albums": []}


def test_writes_do_not_hold_up_searches(client: Client, folder: str) -> None:
    """Another process holds the catalogue: a write waits for it, a search does not."""
    api = client()
    api.post("/api/saved", params={"name": "Reds", "q": "red"})
    writes: tuple[Callable[[], Any], ...] = (
        lambda: api.post("/api/saved", params={"name": "Blues", "q": "blue"}),
        lambda: api.patch("/api/saved", json={"name": "Reds", "rename": "R"}),
        lambda: api.delete("/api/saved", params={"name": "Reds"}),
        lambda: api.post("/api/saved/looked", json={"name": "Reds"}),
    )
    with Library.open(folder) as library, ThreadPoolExecutor() as pool:
        with library._session.catalogue.writing():
            waiting = [pool.submit(write) for write in writes]
            time.sleep(1)
            began = time.monotonic()
            assert names(api.get("/api/search", params={"q": "red", "limit": 1}).json())
            assert time.monotonic() - began < 2
            assert not any(each.done() for each in waiting)
        for each in waiting:
            each.result()


def test_favourites(api: Any) -> None:
    ids = numbers(api)
    red = ids["pictures/red.png"]
    assert api.post("/api/favourites", json={"pictures": [red]}).json() == {"changed": 1}
    assert names(api.get("/api/search", params={"where": "favourite"}).json()) == ["red.png"]
    assert api.get("/api/search", params={"q": "red"}).json()["hits"][0]["favourite"] is True
    body = {"pictures": [red], "favourite": False}
    assert api.post("/api/favourites", json=body).json() == {"changed": 1}
    assert names(api.get("/api/search", params={"where": "favourite"}).json()) == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/api/albums", {"name": "A", "pictures": [99_999]}),
        ("post", "/api/albums", {"name": " "}),
        ("patch", "/api/albums", {"name": "nothing", "order": "date"}),
        ("post", "/api/albums/merge", {"name": "nothing", "into": "nothing"}),
        ("post", "/api/favourites", {"pictures": [99_999]}),
        ("post", "/api/saved/looked", {"name": "nothing"}),
        ("patch", "/api/saved", {"name": "nothing", "rename": "x"}),
    ],
)
def test_what_is_not_there_says_so(api: Any, method: str, path: str, body: Any) -> None:
    answer = api.request(method, path, json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert api.get("/api/albums").json() == {"albums": []}


def test_a_saved_search(
    client: Client, folder: str, pictures: Path, calibrated: Calibration
) -> None:
    api = client()
    params: Params = {"name": "Reds", "q": "red", "where": "width > 1", "sort": "date"}
    made = api.post("/api/saved", params=params).json()
    assert made["options"] == {"sort": "date"}
    assert (made["question"], made["where"], made["min_confidence"]) == ("red", "width > 1", 0.5)
    taken = api.post("/api/saved", params={**params, "name": " reds"})
    assert (taken.status_code, taken.json()["taken"]) == (422, "Reds")
    assert api.post("/api/saved", params={**params, "replace": True}).status_code == 200
    assert api.get("/api/saved").json()["saved"][0]["new"] == 0
    paint(pictures / "red 2.png", (255, 3, 0))
    with Library.open(folder) as library:
        library.add()
    assert api.get("/api/saved").json()["saved"][0]["new"] == 1
    assert api.get("/api/saved", params={"count": False}).json()["saved"][0]["new"] is None
    answer = api.get("/api/saved/answer", params={"name": "reds"}).json()
    assert sorted(names(answer)) == ["red 2.png", "red.png"]
    assert (answer["count"], len(answer["new"])) == (2, 1)
    assert names(api.get("/api/saved/answer", params={"name": "Reds", "new": True}).json()) == [
        "red 2.png"
    ]
    page = api.get("/api/saved/answer", params={"name": "Reds", "offset": 1, "limit": 1}).json()
    assert (page["count"], len(page["hits"])) == (2, 1)
    assert api.post("/api/saved/looked", json={"name": "Reds"}).json()["looked"]
    assert api.get("/api/saved").json()["saved"][0]["new"] == 0
    assert api.patch("/api/saved", json={"name": "Reds", "rename": "R"}).json()["name"] == "R"
    assert api.delete("/api/saved", params={"name": "r"}).status_code == 200
    assert api.get("/api/saved").json() == {"saved": []}


def test_no_file_is_opened_for_a_saved_search(
    client: Client, folder: str, tmp_path: Path, opened: list[str]
) -> None:
    paint(tmp_path / "mine.png", "red")
    with Library.open(folder) as library:
        library.saved.add("Like mine", Query.parse(f"{tmp_path}/mine.png"), SearchOptions(k=3))
        hostile = {"question": "red", "pictures": [], "options": {"like": ["/etc/hosts.png"]}}
        catalogue = library._session.catalogue
        with catalogue.writing():
            catalogue.saved.put("Hostile", json.dumps(hostile))
    api = client()
    opened.clear()
    for name in ("Like mine", "Hostile"):
        for answer in (
            api.get("/api/saved/answer", params={"name": name}),
            api.post("/api/saved/looked", json={"name": name}),
        ):
            assert answer.status_code == 422
            assert "opens neither" in answer.json()["error"]
    listed = api.get("/api/saved").json()["saved"]
    assert all("opens neither" in each["trouble"] and each["new"] is None for each in listed)
    params = {"name": "x", "q": f"{tmp_path}/mine.png"}
    assert api.post("/api/saved", params=params).status_code == 422
    assert not [path for path in opened if path.endswith(("mine.png", "hosts.png"))]


def test_what_is_asked_is_what_was_checked(
    client: Client, folder: str, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program may replace a saved search at any moment."""
    with Library.open(folder) as library:
        library.saved.add("Reds", "red", SearchOptions(k=3))
        hostile = {"question": "red", "pictures": [], "options": {"like": ["/etc/hosts.png"]}}
        catalogue = library._session.catalogue
        with catalogue.writing():
            catalogue.saved.put("Hostile", json.dumps(hostile))
    named, reads = SavedRows.named, iter(["Reds", "Hostile"])
    api: Any = client()

    def replaced(rows: SavedRows, _: str) -> SavedRow | None:
        return named(rows, next(reads))

    monkeypatch.setattr(SavedRows, "named", replaced)
    opened.clear()
    answers = [api.get("/api/saved/answer", params={"name": "Reds"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 422]
    assert not [path for path in opened if path.endswith("hosts.png")]
