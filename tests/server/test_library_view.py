"""Folders, runs and problems over HTTP: what is told, and who may change what."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import until

from retrieval import Library
from retrieval.commands import pixtrieve
from retrieval.indexing.progress import Progress, Tally
from retrieval.indexing.run_note import noted
from retrieval.server import index_process

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient
from support.api_client import HOST, RULES, Client
from support.fake_program import slow_program

from retrieval.server.permission import Permission

MINE = ("127.0.0.1", 50000)
OTHER = ("192.168.1.7", 50000)


@pytest.fixture
def owner(client: Client) -> TestClient:
    """The owner's browser, on the machine of the server."""
    api = client(permission=Permission(own_machine=True))
    return TestClient(api.app, base_url=f"http://{HOST}", client=MINE)


def ended(api: TestClient) -> dict[str, Any]:
    def run() -> dict[str, Any]:
        return dict(api.get("/api/indexing/now").json())

    until(lambda: not run()["running"])
    return run()


def test_folders_are_listed_with_what_is_in_them(
    owner: TestClient, pictures: Path, tmp_path: Path
) -> None:
    (pictures / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    owner.post("/api/indexing")
    assert ended(owner)["error"] == ""
    listed = owner.get("/api/folders").json()
    assert listed["may_change"]
    (folder,) = listed["folders"]
    assert (folder["path"], folder["there"], folder["whole"]) == (str(pictures), True, True)
    assert (folder["images"], folder["files"], folder["problems"]) == (34, 34, 1)
    assert folder["looked"] > 0
    pictures.rename(tmp_path / "unplugged")
    assert not owner.get("/api/folders").json()["folders"][0]["there"]


def test_a_folder_is_added_and_removed(owner: TestClient, pictures: Path, tmp_path: Path) -> None:
    paint(tmp_path / "more/white.png", "white")
    assert owner.post("/api/folders", json={"path": str(tmp_path / "more")}).status_code == 202
    run = ended(owner)
    assert (run["error"], run["own"], run["progress"]["encoded"]) == ("", False, 1)
    assert "index" in run["command"]
    added = next(f for f in owner.get("/api/folders").json()["folders"] if "more" in f["path"])
    assert owner.delete(f"/api/folders/{added['id']}").json() == {"removed": 1}
    assert owner.delete(f"/api/folders/{added['id']}").status_code == 404
    assert (tmp_path / "more/white.png").exists()


def test_what_is_wrong_with_a_folder_is_said_before_anything_starts(
    owner: TestClient, folder: str, pictures: Path, tmp_path: Path
) -> None:
    def choice(path: object) -> dict[str, Any]:
        return dict(owner.get("/api/folders/choice", params={"path": str(path)}).json())

    (tmp_path / "file.txt").write_text("x")
    wrong = {
        "": "no folder is named",
        "a\0b": "no folder is named",
        "pictures": "has to be a whole one",
        "s3://bucket/a": "an address",
        tmp_path / "no/where": "does not exist",
        tmp_path / "file.txt": "is not a folder",
        pictures: "in the library already",
        folder: "Pixtrieve's own folder",
    }
    for path, said in wrong.items():
        assert said in choice(path)["problem"], path
        before = owner.get("/api/indexing/now").json()
        assert owner.post("/api/folders", json={"path": str(path)}).status_code == 409
        assert owner.get("/api/indexing/now").json() == before
    assert str(tmp_path) in choice(tmp_path / "no/where")["hint"]
    fine = choice(pictures / "deep")
    assert (fine["problem"], fine["inside"]) == ("", str(pictures))


def test_folder_names_are_completed(owner: TestClient, tmp_path: Path) -> None:
    for name in ("Photos", "photos 2", ".photos", "other"):
        (tmp_path / "home" / name).mkdir(parents=True)
    (tmp_path / "home/photo.jpg").write_text("x")

    def names(path: str) -> list[str]:
        found = owner.get("/api/folders/choice", params={"path": f"{tmp_path}/home/{path}"}).json()
        return [os.path.basename(name) for name in found["names"]]

    assert names("pho") == ["Photos", "photos 2"]
    assert names("") == ["other", "Photos", "photos 2"]
    assert names(".p") == [".photos"]
    assert names("nothing/x") == []


@pytest.mark.parametrize(
    ("permission", "place"),
    [(Permission(), MINE), (Permission(own_machine=True), OTHER), (Permission(), OTHER)],
)
def test_nobody_else_adds_removes_or_lists_folders(
    client: Client, permission: Permission, place: tuple[str, int], tmp_path: Path
) -> None:
    api = TestClient(client(permission=permission).app, base_url=f"http://{HOST}", client=place)
    listed = api.get("/api/folders").json()
    assert not listed["may_change"]
    for refused in (
        api.get("/api/folders/choice", params={"path": "/"}),
        api.post("/api/folders", json={"path": str(tmp_path)}),
        api.delete(f"/api/folders/{listed['folders'][0]['id']}"),
    ):
        assert refused.status_code == 403
        assert "--allow-changes" in refused.json()["detail"]
    assert len(api.get("/api/folders").json()["folders"]) == 1


def test_the_owner_may_allow_everyone_to_change_folders(client: Client, tmp_path: Path) -> None:
    api = TestClient(
        client(permission=Permission(anyone=True)).app, base_url=f"http://{HOST}", client=OTHER
    )
    assert api.get("/api/folders").json()["may_change"]
    answer = api.get("/api/folders/choice", params={"path": str(tmp_path)})
    assert answer.json()["problem"] == ""
    strange = {"origin": "http://evil.example"}
    assert api.post("/api/folders", json={"path": "/"}, headers=strange).status_code == 403


def test_one_folder_is_rescanned(owner: TestClient, pictures: Path, tmp_path: Path) -> None:
    paint(tmp_path / "more/white.png", "white")
    owner.post("/api/folders", json={"path": str(tmp_path / "more")})
    ended(owner)
    paint(tmp_path / "more/second.png", (1, 2, 3))
    paint(pictures / "not now.png", (4, 5, 6))
    folders = {Path(f["path"]).name: f["id"] for f in owner.get("/api/folders").json()["folders"]}
    assert owner.post("/api/indexing", json={"folder": folders["more"]}).status_code == 202
    assert ended(owner)["progress"]["encoded"] == 1
    assert owner.post("/api/indexing", json={"folder": 99}).status_code == 404


def test_problems_are_grouped_by_reason_and_counted_once(
    owner: TestClient, folder: str, encoder: FakeEncoder, pictures: Path
) -> None:
    for name in ("a", "b"):
        (pictures / f"{name}.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (pictures / "c.png").write_bytes(b"")
    (pictures / "d.psd").write_bytes(b"x")
    owner.post("/api/indexing")
    ended(owner)
    found = owner.get("/api/problems", params={"limit": 1}).json()
    assert [each["count"] for each in found["reasons"]] == [2, 1, 1]
    assert len(found["problems"]) == 1
    reason = found["reasons"][0]["reason"]
    mine = owner.get("/api/problems", params={"reason": reason}).json()["problems"]
    assert [Path(each["path"]).name for each in mine] == ["a.jpg", "b.jpg"]

    # One count everywhere.
    status = owner.get("/api/status").json()["counts"]
    assert found["count"] == status["problems"] == 4
    assert sum(each["count"] for each in found["reasons"]) == 4
    assert owner.get("/api/folders").json()["folders"][0]["problems"] == 4
    with Library.open(folder, encoder) as library:
        assert len(list(library.problems())) == library.status().counts.problems == 4

    paint(pictures / "b.jpg", "white")
    os.utime(pictures / "b.jpg", (1, 1))
    retried = owner.post("/api/indexing", json={"retry": True, "reason": reason})
    assert retried.status_code == 202
    progress = ended(owner)["progress"]
    assert (progress["handled"], progress["encoded"], progress["bad"]) == (2, 1, 1)
    owner.post("/api/indexing", json={"retry": True})
    assert ended(owner)["progress"]["handled"] == 3
    gone = owner.post("/api/indexing", json={"retry": True, "reason": "never heard of"})
    assert gone.status_code == 409


def test_status_of_the_command_line_has_the_same_count(
    owner: TestClient, folder: str, pictures: Path
) -> None:
    (pictures / "c.png").write_bytes(b"")
    (pictures / "d.psd").write_bytes(b"x")
    owner.post("/api/indexing")
    ended(owner)

    def said(*options: str) -> str:
        return CliRunner().invoke(pixtrieve, ["status", "--library", folder, *options]).output

    assert "Problems:  2 (1 damaged, 1 unsupported)" in said()
    assert len(said("--problems").splitlines()) == 2
    assert owner.get("/api/problems").json()["count"] == 2


def test_a_run_of_another_process_is_seen_and_left_alone(owner: TestClient, folder: str) -> None:
    tally = Tally(found=9, pending=8, handled=2, encoded=2)
    steps = noted(folder, iter([Progress("encode", "/photos", tally, 1.0)]))
    next(steps)
    until(lambda: owner.get("/api/indexing/now").json()["progress"]["pending"] == 8)
    run = owner.get("/api/indexing/now").json()
    assert (run["running"], run["own"]) == (True, False)
    assert owner.post("/api/indexing").status_code == 409
    assert owner.post("/api/folders", json={"path": "/usr"}).status_code == 409
    refused = owner.delete("/api/indexing")
    assert refused.status_code == 409
    assert "Ctrl-C" in refused.json()["detail"]
    list(steps)
    assert not owner.get("/api/indexing/now").json()["running"]


def test_a_run_is_stopped_and_goes_on_later(
    owner: TestClient, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_process, "PROGRAM", slow_program(0.5))
    for number in range(150):
        paint(pictures / f"new/{number:03}.png", (number, 250 - number, 30))
    assert owner.post("/api/indexing").json()["own"]
    until(lambda: (owner.get("/api/indexing/now").json()["progress"] or {}).get("pending"))
    assert owner.post("/api/indexing").status_code == 409
    assert owner.delete("/api/indexing").status_code == 200
    run = ended(owner)
    assert (run["stopped"], run["error"]) == (True, "")
    monkeypatch.undo()


def test_a_run_that_crashes_costs_the_server_nothing(
    owner: TestClient, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = (sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")
    monkeypatch.setattr(index_process, "PROGRAM", killed)
    owner.post("/api/indexing")
    assert f"signal ({signal.SIGKILL.value})" in ended(owner)["error"]
    monkeypatch.undo()
    code = "raise SystemExit('Error: the disk is full\\nHint:  make room')"
    monkeypatch.setattr(index_process, "PROGRAM", (sys.executable, "-c", code))
    owner.post("/api/indexing")
    assert ended(owner)["error"] == "the disk is full. make room"
    assert owner.get("/api/search", params={"q": "red", "limit": 1}).status_code == 200


def test_labels_are_taken_off(client: Client, folder: str, encoder: FakeEncoder) -> None:
    with Library.open(folder, encoder) as library:
        library.tags.label(["red", "blue"], 0.01)
    api = client(RULES)
    assert api.delete("/api/labels", params={"label": "red"}).json()["images"] > 0
    assert api.get("/api/labels").json()["labels"] == ["blue"]
    assert api.delete("/api/labels", params={"label": "red"}).status_code == 422
