"""Showing a file in its folder, on the machine of the server only; and addresses that are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient
from support.api_client import HOST, RULES, Client, numbers

from retrieval.server.permission import Permission

MINE = ("127.0.0.1", 50000)
OWN = Permission(own_machine=True)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """What was handed to the system's viewer, and whether its folder was asked for."""
    found: list[tuple[str, bool]] = []

    def launch(path: str, wait: bool = False, locate: bool = False) -> int:
        found.append((path, locate))
        return 0

    monkeypatch.setattr(click, "launch", launch)
    return found


def asking_from(api: TestClient, place: tuple[str, int]) -> TestClient:
    return TestClient(api.app, base_url=f"http://{HOST}", client=place)


def test_a_file_is_shown_in_its_folder(
    client: Client, launched: list[tuple[str, bool]], pictures: Path
) -> None:
    api = asking_from(client(permission=OWN), MINE)
    red = numbers(api)["pictures/red.png"]
    assert api.get("/api/locate").json() == {"possible": True}
    assert api.post(f"/api/pictures/{red}/locate").status_code == 200
    assert launched == [(str(pictures / "red.png"), True)]
    (pictures / "red.png").unlink()
    refused = api.post(f"/api/pictures/{red}/locate")
    assert refused.status_code == 422
    assert "red.png" in refused.json()["error"]
    assert "pixtrieve index" in refused.json()["hint"]
    assert api.post("/api/pictures/99999/locate").status_code == 404
    assert len(launched) == 1


def test_a_file_manager_that_does_not_start_is_reported(
    client: Client, monkeypatch: pytest.MonkeyPatch, pictures: Path
) -> None:
    monkeypatch.setattr(click, "launch", lambda path, locate: 1)
    api = asking_from(client(permission=OWN), MINE)
    refused = api.post(f"/api/pictures/{numbers(api)['pictures/red.png']}/locate")
    assert refused.status_code == 422
    assert str(pictures) in refused.json()["hint"]


@pytest.mark.parametrize(
    ("how", "place"), [({}, MINE), ({"permission": OWN}, ("192.168.1.7", 50000))]
)
def test_nobody_else_starts_anything(
    client: Client, launched: list[tuple[str, bool]], how: dict[str, Any], place: tuple[str, int]
) -> None:
    api = asking_from(client(RULES, **how), place)
    assert api.get("/api/locate").json() == {"possible": False}
    assert api.post("/api/pictures/1/locate").status_code == 403
    assert launched == []


def test_other_websites_start_nothing(client: Client, launched: list[tuple[str, bool]]) -> None:
    api = asking_from(client(permission=OWN), MINE)
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert api.post("/api/pictures/1/locate", headers=headers).status_code == 403
    assert api.get("/api/pictures/1/locate").status_code == 405
    assert launched == []


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_a_wrong_address_is_a_page_for_people_and_json_for_programs(client: Client) -> None:
    api = client()
    for path in ("/nowhere", "/missing.html", "/a/b", "/apis"):
        shown = api.get(path, headers={"accept": BROWSER})
        assert shown.status_code == 404
        assert shown.headers["content-type"].startswith("text/html")
        assert 'href="/"' in shown.text
        for accept in ("application/json", "*/*"):
            assert "detail" in api.get(path, headers={"accept": accept}).json()
    for path in ("/api/nowhere", "/api/pictures/99999"):
        told = api.get(path, headers={"accept": BROWSER})
        assert told.status_code == 404
        assert "detail" in told.json()
