"""A library behind a server, with an encoder one can compute by hand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.browsing import browser
from support.fake_model import install
from support.fake_program import FAKE_PROGRAM
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import BROWSER_MS

from retrieval import Library
from retrieval.server import index_process


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> FakeEncoder:
    made = FakeEncoder()
    install(lambda: made, monkeypatch.setattr)
    monkeypatch.setattr(index_process, "PROGRAM", FAKE_PROGRAM)
    return made


@pytest.fixture
def folder(tmp_path: Path, encoder: FakeEncoder, pictures: Path) -> str:
    """The folder of a library with four colours and thirty greys."""
    for number in range(30):
        paint(pictures / f"grey/{number:02}.png", (90 + number, 100, 130 - number))
    with Library.create(tmp_path / "library", encoder) as library:
        library.add(pictures)
        return library.path


@pytest.fixture
def client(folder: str) -> Iterator[Any]:
    """Make clients of an application around that library: `client(rules, moves_to=…)`."""
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient
    from support.api_client import HOST, RULES

    from retrieval.server.app import create_app

    clients: list[TestClient] = []

    def make(rules: Any = RULES, **how: Any) -> TestClient:
        made = TestClient(create_app(folder, "auto", rules, **how), base_url=f"http://{HOST}")
        clients.append(made.__enter__())
        return made

    yield make
    for made in clients:
        made.__exit__(None, None, None)


@pytest.fixture
def address(folder: str) -> Iterator[str]:
    """A real server on a free port, and its address."""
    pytest.importorskip("uvicorn")
    from support.serving import free_port, served

    from retrieval.server import guard
    from retrieval.server.app import create_app

    port = free_port()
    app = create_app(folder, "auto", guard.Rules(frozenset({f"127.0.0.1:{port}"})))
    with served(app, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page(address: str) -> Iterator[Any]:
    """The page, opened in Debian's chromium; any error in it fails the test."""
    with browser() as chromium:
        opened = chromium.new_page(viewport={"width": 1200, "height": 800})
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))

        def on_console(said: Any) -> None:
            refused = re.search("status of (409|422)", said.text)
            if said.type == "error" and not refused:
                errors.append(said.text)

        opened.on("console", on_console)
        opened.set_default_timeout(BROWSER_MS)
        opened.goto(address)
        yield opened
        assert errors == []


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Every path that this process opens, or runs, while a test asks."""
    found: list[str] = []
    listening = [True]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and event in ("open", "os.listdir", "os.scandir", "subprocess.Popen"):
            found.append(os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else "")

    sys.addaudithook(hook)  # it cannot be taken away, only told to do nothing
    yield found
    listening.clear()


@pytest.fixture
def node() -> str:
    """Node, which runs scripts without a browser; skips where there is none, or an old one."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node on this machine")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.strip().lstrip("v").split(".")[0]) < 20:
        pytest.skip("node's test runner is too old here: it needs version 20")
    return found
