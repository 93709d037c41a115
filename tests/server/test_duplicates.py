"""Duplicates over HTTP: found, kept, moved and brought back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from support.fakes import FakeEncoder
from support.waiting import until

from retrieval import Library

pytest.importorskip("fastapi")
from support.api_client import Client


@pytest.fixture
def doubled(folder: str, encoder: FakeEncoder, pictures: Path) -> Path:
    """Two pictures have a copy each."""
    for name in ("red", "deep/blue"):
        shutil.copy(pictures / f"{name}.png", pictures / f"copy of {Path(name).name}.png")
    with Library.open(folder, encoder) as library:
        library.add(pictures)
    return pictures


def found(api: Any) -> dict[str, Any]:
    def answer() -> dict[str, Any]:
        return dict(api.get("/api/duplicates").json())

    until(lambda: not answer()["running"], "it never ends")
    return answer()


def test_duplicates_are_found_once_one_asks(client: Client, doubled: Path) -> None:
    answer = found(client())
    kept = {Path(group["kept"]["path"]).name for group in answer["groups"]}
    redundant = [Path(file["path"]).name for g in answer["groups"] for file in g["redundant"]]
    assert kept >= {"red.png", "blue.png"}
    assert {"copy of red.png", "copy of blue.png"} <= set(redundant)
    assert (answer["count"], answer["files"]) == (len(answer["groups"]), len(redundant))
    assert answer["bytes"] > 0


def test_groups_are_put_away_for_good(client: Client, doubled: Path) -> None:
    api = client()
    group = found(api)["groups"][0]
    assert api.post("/api/duplicates/keep", json={"groups": [group["id"]]}).json() == {"kept": 1}
    assert group["id"] not in [each["id"] for each in found(api)["groups"]]
    assert api.post("/api/duplicates/search").status_code == 202
    assert group["id"] not in [each["id"] for each in found(api)["groups"]]
    assert api.post("/api/duplicates/keep", json={"groups": [99999]}).status_code == 409


def test_groups_that_were_put_away_are_listed_again(client: Client, doubled: Path) -> None:
    api = client()
    before = found(api)["groups"]
    chosen = {"groups": [before[0]["id"]]}
    assert api.post("/api/duplicates/unkeep", json=chosen).status_code == 409
    api.post("/api/duplicates/keep", json=chosen)
    assert api.post("/api/duplicates/unkeep", json=chosen).json() == chosen
    assert found(api)["groups"] == before
    api.post("/api/duplicates/search")
    assert found(api)["groups"] == before
    assert api.post("/api/duplicates/unkeep", json=chosen).status_code == 409


def test_no_file_is_moved_unless_the_owner_said_where(client: Client, doubled: Path) -> None:
    api = client()
    group = found(api)["groups"][0]["id"]
    for address, body in (("move", {"groups": [group]}), ("undo", None)):
        answer = api.post(f"/api/duplicates/{address}", json=body)
        assert answer.status_code == 403
        assert "--move-to" in answer.json()["detail"]
    assert (doubled / "copy of red.png").exists()


def test_redundant_files_are_moved_and_brought_back(
    client: Client, doubled: Path, tmp_path: Path
) -> None:
    api = client(moves_to=str(tmp_path / "aside"))
    groups = found(api)["groups"]
    red = next(group for group in groups if group["kept"]["path"].endswith("/red.png"))
    done = api.post("/api/duplicates/move", json={"groups": [red["id"]]}).json()
    assert [Path(step["source"]).name for step in done["moved"]] == ["copy of red.png"]
    assert not (doubled / "copy of red.png").exists()
    assert (doubled / "red.png").exists()
    assert red["id"] not in [group["id"] for group in found(api)["groups"]]
    undone = api.post("/api/duplicates/undo").json()
    assert len(undone["moved"]) == 1
    assert (doubled / "copy of red.png").exists()


def test_nothing_is_chosen_before_a_search_for_duplicates(client: Client) -> None:
    answer = client().post("/api/duplicates/keep", json={"groups": [1]})
    assert answer.status_code == 409
    assert "/api/duplicates" in answer.json()["hint"]


def test_one_group_knows_its_neighbours(client: Client, doubled: Path) -> None:
    api = client()
    groups = found(api)["groups"]
    first, second = groups[0]["id"], groups[1]["id"]
    answer = api.get(f"/api/duplicates/{first}").json()
    assert answer["group"] == groups[0]
    assert (answer["position"], answer["previous"], answer["next"]) == (1, None, second)
    assert api.get(f"/api/duplicates/{second}").json()["previous"] == first
    unknown = api.get("/api/duplicates/99999").json()
    assert (unknown["group"], unknown["count"]) == (None, len(groups))


def test_the_file_that_a_person_chose_stays(client: Client, doubled: Path, tmp_path: Path) -> None:
    api = client(moves_to=str(tmp_path / "aside"))
    groups = found(api)["groups"]
    red = next(group for group in groups if group["kept"]["path"].endswith("/red.png"))
    copy = red["redundant"][0]
    assert copy["path"].endswith("copy of red.png")
    stays = [{"group": red["id"], "key": "0" * 16}]
    refused = api.post("/api/duplicates/move", json={"groups": [red["id"]], "stays": stays})
    assert refused.status_code == 409
    stays = [{"group": red["id"], "key": copy["key"]}]
    done = api.post("/api/duplicates/move", json={"groups": [red["id"]], "stays": stays}).json()
    assert [Path(step["source"]).name for step in done["moved"]] == ["red.png"]
    assert (doubled / "copy of red.png").exists()
    assert not (doubled / "red.png").exists()

    undone = api.post("/api/duplicates/undo").json()
    assert undone["groups"] == [red["id"]]
    assert found(api)["groups"] == groups
    shown = api.get(f"/api/pictures/{red['id']}").json()["paths"]
    assert str(doubled / "red.png") in shown  # it is in the library again
