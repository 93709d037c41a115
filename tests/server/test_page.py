"""The page in a real browser: Debian's chromium, driven by Playwright; skipped where it is not."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
uvicorn = pytest.importorskip("uvicorn")
playwright = pytest.importorskip("playwright.sync_api")


@pytest.fixture
def address(folder: str) -> Iterator[str]:
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
    """The page, opened; any error in it fails the test."""
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
        opened.goto(address)
        yield opened
        assert errors == []
        browser.close()


def first(page: Any) -> str:
    return str(page.locator("#gallery img").first.get_attribute("alt"))


def wait_for_first(page: Any, name: str) -> None:
    page.wait_for_function(
        "name => document.querySelector('#gallery img')?.alt === name", arg=name, timeout=5000
    )


def test_it_answers_while_one_types(page: Any) -> None:
    page.get_by_text("Ask in words").wait_for()
    page.locator("#question").type("red", delay=30)
    wait_for_first(page, "red.png")
    assert "34 pictures searched" in page.locator("#state").inner_text()
    assert page.locator("#progress").is_hidden()
    page.locator("#question").fill("blue")
    wait_for_first(page, "blue.png")
    assert page.url.endswith("?q=blue")
    page.reload()
    wait_for_first(page, "blue.png")


def test_a_picture_is_looked_at_and_leads_on(page: Any) -> None:
    page.locator("#question").fill("red")
    wait_for_first(page, "red.png")
    page.locator("#gallery button").first.click()
    assert page.locator("#name").inner_text() == "red.png"
    assert "PNG" in page.locator("#facts").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#name").inner_text() == "yellow.png"
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="More like this").click()
    wait_for_first(page, "yellow.png")
    assert page.locator("#question").input_value() == ""
    assert page.locator("#chips li").count() == 1


def test_pictures_join_the_question_with_plus_and_minus(page: Any) -> None:
    page.locator("#question").fill("red")
    wait_for_first(page, "red.png")
    page.locator("#gallery button").nth(1).click()
    assert page.locator("#name").inner_text() == "yellow.png"
    page.get_by_role("button", name="Without what this shows").click()
    wait_for_first(page, "red.png")
    page.locator("#gallery li:nth-child(2) img:not([alt='yellow.png'])").wait_for()
    assert page.locator("#chips li.negative").count() == 1
    page.get_by_role("button", name="without; change to with").click()
    assert page.locator("#chips li.negative").count() == 0
    page.get_by_role("button", name="remove").click()
    assert page.locator("#chips li").count() == 0


def test_an_uploaded_picture_is_a_question(page: Any, pictures: Path) -> None:
    page.locator("#upload").set_input_files(pictures / "red.png")
    wait_for_first(page, "yellow.png")
    assert page.locator("#chips img").get_attribute("alt") == "your picture"


def test_mistakes_say_what_to_do(page: Any) -> None:
    page.locator("#question").fill("- red")
    page.get_by_text("only what must not be there").wait_for()
    page.get_by_text("dog - people").wait_for()
    page.locator("#question").fill("red")
    wait_for_first(page, "red.png")
    assert page.locator("#note").is_hidden()


def test_new_pictures_are_looked_for(page: Any, pictures: Path) -> None:
    from painting import paint

    page.get_by_text("Ask in words").wait_for()
    paint(pictures / "white.png", "white")
    page.get_by_role("button", name="Look for new pictures").click()
    page.get_by_text("1 pictures are new").wait_for()
    page.locator("#question").fill("white")
    wait_for_first(page, "white.png")


def test_it_fits_a_telephone(page: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    page.locator("#question").fill("red")
    wait_for_first(page, "red.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.locator("#gallery button").first.click()
    assert page.evaluate("document.querySelector('#viewer').scrollWidth") <= 375
