"""`pixtrieve serve`: who is let in with which options, and what it prints."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import click
import pytest
from support.fakes import FakeEncoder

from retrieval.commands import main

uvicorn = pytest.importorskip("uvicorn")
testing = pytest.importorskip("fastapi.testclient")

GIVEN = "sixteen-letters.or-more"


@dataclass
class Started:
    """What was started instead of a server, and what was said meanwhile."""

    api: Any = None
    listening: dict[str, Any] = field(default_factory=dict)
    launched: list[str] = field(default_factory=list)
    said: str = ""

    def status(self, name: str = "localhost:8090", **headers: str) -> int:
        return int(self.api.get("/api/status", headers={"host": name, **headers}).status_code)

    def token(self) -> str:
        return self.said.partition("?token=")[2].split()[0]


Serve = Callable[..., Started]


@pytest.fixture
def serve(
    folder: str,
    encoder: FakeEncoder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Serve]:
    """Run the command up to where it would listen; then ask the application itself."""
    held = ExitStack()
    monkeypatch.delenv("PIXTRIEVE_TOKEN", raising=False)

    def run(*arguments: str, code: int = 0) -> Started:
        started = Started()

        def listen(app: Any, **how: Any) -> None:
            started.api = held.enter_context(testing.TestClient(app))
            started.listening = how

        monkeypatch.setattr(uvicorn, "run", listen)
        monkeypatch.setattr(click, "launch", started.launched.append)
        with pytest.raises(SystemExit) as ended:
            main(["serve", "--library", folder, *arguments])
        printed = capsys.readouterr()
        started.said = printed.out + printed.err
        assert ended.value.code == code, started.said
        return started

    with held:
        yield run


def test_by_default_only_this_machine_is_listened_to(serve: Serve) -> None:
    started = serve()
    assert started.listening["host"] == "127.0.0.1"
    assert started.listening["access_log"] is False
    assert "token" not in started.said
    assert started.status() == 200
    assert started.status("nas.local:8090") == 421


@pytest.mark.parametrize(
    "arguments",
    [
        ("--host", "0.0.0.0"),
        ("--host", "::"),
        ("--host", ""),
        ("--host", "192.0.2.7"),
        ("--name", "pictures.example"),  # a proxy on this machine lets others in
        ("--name", "pictures.example:443"),
        ("--name", "localhost", "--name", "nas.local"),
    ],
)
def test_for_others_a_token_is_made_up_and_shown_once(
    serve: Serve, arguments: tuple[str, ...]
) -> None:
    started = serve(*arguments)
    token = started.token()
    assert len(token) >= 32
    assert started.said.count(token) == 1
    assert started.status() == 401
    assert started.status(authorization=f"Bearer {token}") == 200
    assert serve(*arguments).token() != token


@pytest.mark.parametrize("token", ["", " ", "short", "fifteen-letters", "x" * 201, "a;b" * 8])
@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_a_token_that_protects_nothing_is_refused(serve: Serve, token: str, host: str) -> None:
    started = serve("--host", host, "--token", token, code=2)
    assert started.api is None
    assert "16 to 200" in started.said


@pytest.mark.parametrize("token", ["paßwort-paßwort-1", "sixteen\nletters-more", "a b" * 8])
def test_a_token_fits_a_cookie_and_an_address(serve: Serve, token: str) -> None:
    assert not serve("--token", token, code=2).api


def test_a_given_token_is_neither_printed_nor_handed_to_a_browser(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logs keep what is printed; every user of a machine sees the commands that run."""
    monkeypatch.setenv("PIXTRIEVE_TOKEN", GIVEN)
    started = serve("--open")
    assert GIVEN not in started.said
    assert started.launched == ["http://127.0.0.1:8090/"]
    assert started.status() == 401
    assert started.status(authorization=f"Bearer {GIVEN}") == 200


def test_an_empty_environment_is_no_token(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXTRIEVE_TOKEN", "")
    assert serve("--host", "0.0.0.0").status() == 401
    assert serve().status() == 200


def test_files_are_shown_only_where_no_other_machine_can_connect(serve: Serve) -> None:
    for arguments, possible in (
        ((), True),
        (("--host", "0.0.0.0"), False),
        (("--name", "nas.local"), False),
    ):
        app = serve(*arguments, "--token", GIVEN).api.app
        mine = testing.TestClient(
            app, base_url="http://localhost:8090", client=("127.0.0.1", 50000)
        )
        told = mine.get("/api/locate", headers={"authorization": f"Bearer {GIVEN}"})
        assert told.json() == {"possible": possible}


def test_folders_are_changed_only_where_no_other_machine_can_connect(serve: Serve) -> None:
    def may_change(*arguments: str, place: str = "127.0.0.1") -> bool:
        started = serve(*arguments)
        api = testing.TestClient(started.api.app, base_url="http://localhost", client=(place, 1))
        token = {"authorization": f"Bearer {started.token()}"} if "token=" in started.said else {}
        return bool(api.get("/api/folders", headers=token).json()["may_change"])

    assert may_change()
    assert not may_change(place="192.0.2.7")
    assert not may_change("--name", "pictures.example")
    assert may_change("--name", "pictures.example", "--allow-changes", place="192.0.2.7")


def test_a_busy_port_is_named_and_no_address_printed(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        started = serve("--port", str(port), code=1)
    assert started.api is None
    assert f"Port {port} is in use by another program" in started.said
    assert "http://" not in started.said


def test_an_empty_name_is_none(serve: Serve) -> None:
    started = serve("--name", "", "--token", GIVEN)
    assert started.status("", authorization=f"Bearer {GIVEN}") == 421


def test_other_machines_cannot_connect(address: str) -> None:
    port = int(address.rpartition(":")[2])
    with socket.socket() as api, pytest.raises(ConnectionRefusedError):
        api.connect(("127.0.0.2", port))
