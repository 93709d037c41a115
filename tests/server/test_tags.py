"""Facets, labels and concepts over HTTP."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from support.waiting import WAIT_S

pytest.importorskip("fastapi")
from support.api_client import Client, Params, names, numbers


def test_facets_count_what_filters_find(client: Client, pictures: Path) -> None:
    api = client()
    facets = api.get("/api/facets").json()
    assert facets["format"] == [{"value": "PNG", "images": 34}]
    folders = {facet["value"]: facet["images"] for facet in facets["folder"]}
    assert folders[str(pictures / "grey")] == 30
    assert sum(folders.values()) == 34
    for folder, count in folders.items():
        where: Params = {"where": f"folder = '{folder}'", "limit": 100}
        assert len(api.get("/api/search", params=where).json()["hits"]) == count
    assert (facets["camera"], facets["lens"], facets["tag"]) == ([], [], [])
    for name, test in {"date": "date = {}", "orientation": "orientation = {}"}.items():
        assert sum(facet["images"] for facet in facets[name]) == 34
        for facet in facets[name]:
            where = {"where": test.format(facet["value"]), "limit": 100}
            assert len(api.get("/api/search", params=where).json()["hits"]) == facet["images"]


def test_fields_say_how_to_filter_and_what_answers_have(client: Client) -> None:
    api = client()
    listed = api.get("/api/fields").json()["fields"]
    assert {field["name"] for field in listed if field["facet"]} == set(
        api.get("/api/facets").json()
    )
    found = api.get("/api/search", params={"q": "red"}).json()["hits"][0]
    for field in listed:
        assert set(field["columns"]) <= found.keys()
        assert api.get("/api/search", params={"where": field["example"]}).status_code == 200
    assert found["date_source"] == "file"


def test_a_concept_is_taught_used_tagged_renamed_and_forgotten(client: Client) -> None:
    api = client()
    known = numbers(api)
    red = known["pictures/red.png"]
    others = [known["down/yellow.png"], known["deep/blue.png"], known["pictures/green.png"]]
    taught = {"name": "warm", "like": [red], "unlike": others}
    learned = api.post("/api/concepts", json=taught)
    assert learned.status_code == 200
    assert (learned.json()["name"], learned.json()["learned"]) == ("warm", True)
    listed = api.get("/api/concepts").json()["concepts"]
    assert [concept["name"] for concept in listed] == ["warm"]
    found = api.get("/api/search", params={"q": 'concept:"warm"', "limit": 1}).json()
    assert names(found) == ["red.png"]
    tagged = api.post("/api/concepts/tags", json={"name": "warm", "least": 0.5}).json()
    assert tagged["images"] >= 1
    tags = {tag["value"]: tag["images"] for tag in api.get("/api/facets").json()["tag"]}
    assert tags == {"warm": tagged["images"]}
    facts = api.get(f"/api/pictures/{red}").json()
    assert [tag["label"] for tag in facts["tags"]] == ["warm"]
    renamed = api.patch("/api/concepts", json={"name": "warm", "rename": "hot"}).json()
    assert (renamed["name"], renamed["like"]) == ("hot", learned.json()["like"])
    tags = {tag["value"]: tag["images"] for tag in api.get("/api/facets").json()["tag"]}
    assert tags == {"hot": tagged["images"]}
    api.post("/api/concepts", json={"name": "cold", "like": others[1:2]})
    refused = api.patch("/api/concepts", json={"name": "cold", "rename": "hot"})
    assert (refused.status_code, refused.json()["taken"]) == (422, "hot")
    assert api.patch("/api/concepts", json={"name": "warm", "rename": "x"}).status_code == 422
    for name in ("hot", "cold"):
        assert api.delete("/api/concepts", params={"name": name}).status_code == 200
    assert api.get("/api/concepts").json()["concepts"] == []
    assert api.get("/api/facets").json()["tag"] == []
    assert api.delete("/api/concepts", params={"name": "warm"}).status_code == 422


def test_questions_are_answered_while_a_concept_waits_for_its_turn_to_be_written(
    client: Client, folder: str
) -> None:
    api = client()
    known = numbers(api)
    taught = {"name": "warm", "like": [known["pictures/red.png"]]}
    other = sqlite3.connect(f"{folder}/catalogue.sqlite", isolation_level=None)
    with closing(other), ThreadPoolExecutor(2) as pool:
        other.execute("BEGIN IMMEDIATE")
        waiting = pool.submit(api.post, "/api/concepts", json=taught)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=1)
        answer = pool.submit(api.get, "/api/search", params={"q": "red"}).result(WAIT_S)
        assert answer.status_code == 200
        assert not waiting.done()
        other.execute("ROLLBACK")
        assert waiting.result(WAIT_S).status_code == 200


@pytest.mark.parametrize(
    "taught",
    [
        {"name": "warm"},
        {"name": "warm", "like": [99999]},
        {"name": "warm", "like": ["/etc/passwd"]},
        {"name": "", "like": [1]},
        {"name": "x" * 201, "like": [1]},
        {"name": "warm", "like": [1] * 1001},
    ],
)
def test_what_cannot_be_learned_is_explained(client: Client, taught: dict[str, object]) -> None:
    api = client()
    assert api.post("/api/concepts", json=taught).status_code == 422
    assert api.get("/api/concepts").json()["concepts"] == []


def test_pictures_are_labelled(client: Client) -> None:
    api = client()
    asked = {"labels": ["red", "blue"], "least": 0.0}
    counted = api.post("/api/labels", json=asked)
    assert counted.status_code == 200
    assert set(counted.json()["images"]) == {"red", "blue"}
    listed = api.get("/api/labels").json()
    assert listed["labels"] == ["red", "blue"]
    assert {tag["label"]: tag["images"] for tag in listed["tags"]} == {
        label: count for label, count in counted.json()["images"].items() if count
    }
