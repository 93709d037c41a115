"""The page while its server is away, and after it is back."""

from __future__ import annotations

import pytest
from support.browsing import ask, browser, wait_for_first
from support.waiting import BROWSER_MS

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")
pytest.importorskip("uvicorn")


def test_what_is_shown_stays_while_the_server_is_away(folder: str) -> None:
    from support.serving import free_port, served

    from retrieval.server import guard
    from retrieval.server.app import create_app

    port = free_port()
    rules = guard.Rules(frozenset({f"127.0.0.1:{port}"}))
    with browser() as chromium:
        page = chromium.new_page()
        page.set_default_timeout(BROWSER_MS)
        with served(create_app(folder, "auto", rules), port):
            page.goto(f"http://127.0.0.1:{port}")
            ask(page, "red", "red.png")
            page.locator("#state", has_text="34 pictures searched").wait_for()
            assert page.locator("#toast").inner_text() == ""  # nothing is new
        page.locator("#question").fill("blue")
        page.locator("#lost").wait_for()
        wait_for_first(page, "red.png")
        assert page.locator("#note").is_hidden()
        with served(create_app(folder, "auto", rules), port):
            page.locator("#lost").wait_for(state="hidden")
            wait_for_first(page, "blue.png")
