"""A library behind a server, with an encoder one can compute by hand."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fakes import FakeEncoder
from support.painting import paint

import retrieval.context
import retrieval.folder.opening
import retrieval.library
from retrieval import Library
from retrieval.encoders import ModelIdentity


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> FakeEncoder:
    made = FakeEncoder()
    for module in (retrieval.library, retrieval.library.base, retrieval.context):
        monkeypatch.setattr(module, "open_encoder", lambda *_, **__: made)
    for module in (retrieval.folder.opening, retrieval.context):
        monkeypatch.setattr(module, "identify", lambda name: ModelIdentity(name, "fake-1"))
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
    from support.asking import HOST, RULES

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
    uvicorn = pytest.importorskip("uvicorn")
    from retrieval.server import guard
    from retrieval.server.app import create_app

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = create_app(folder, "auto", guard.Rules(frozenset({f"127.0.0.1:{port}"})))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(address: str) -> Iterator[Any]:
    """The page, opened in Debian's chromium; any error in it fails the test."""
    playwright = pytest.importorskip("playwright.sync_api")
    browser_path = shutil.which("chromium")
    if browser_path is None:
        pytest.skip("there is no chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1200, "height": 800})
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))

        def on_console(said: Any) -> None:
            if said.type == "error" and "status of 422" not in said.text:
                errors.append(said.text)

        opened.on("console", on_console)
        opened.set_default_timeout(10_000)
        opened.goto(address)
        yield opened
        assert errors == []
        browser.close()
