"""Files, texts and concepts with markup for names, in a real browser: nothing of it runs."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from support.browsing import browser, open_filter
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import BROWSER_MS

from retrieval import Library

pytestmark = pytest.mark.slow
pytest.importorskip("uvicorn")
playwright = pytest.importorskip("playwright.sync_api")

EVIL = "http://evil.example/"
RUNS = "<img src=x onerror=alert(1)>"
BREAKS_OUT = "\"'><svg onload=alert(2)>"
FOLDER = "<iframe srcdoc='<script>parent.alert(3)'>"


@pytest.fixture
def pictures(pictures: Path) -> Path:
    """The same pictures, and others whose names are markup."""
    paint(pictures / f"{RUNS}.png", (250, 240, 10))
    paint(pictures / FOLDER / f"{BREAKS_OUT}.png", (250, 10, 240))
    shutil.copy(pictures / "green.png", pictures / FOLDER / f"{RUNS} again.png")
    (pictures / FOLDER / f"{BREAKS_OUT}.png.txt").write_text(f"{RUNS} {BREAKS_OUT}")
    (pictures / f"{RUNS} broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    return pictures


@pytest.fixture
def said(folder: str, encoder: FakeEncoder) -> None:
    """Labels and a concept that are markup."""
    with Library.open(folder, encoder) as library:
        ids = [image.id for image, _ in library.images()]
        library.concepts.learn(f"{RUNS} concept", ids[:2], ids[2:4])
        library.concepts.tag(f"{RUNS} concept", 0.0)


@pytest.fixture
def page(said: None, address: str) -> Iterator[Any]:
    """The page, before it is opened; a dialog, a refused script or an error fails the test."""
    with browser() as chromium:
        opened = chromium.new_page()
        happened: list[str] = []

        def on_dialog(dialog: Any) -> None:
            happened.append(dialog.message)
            dialog.dismiss()

        def on_console(told: Any) -> None:
            # What a browser says of requests that it, or the server, refused another page.
            if told.type == "error" and not opened.url.startswith(EVIL):
                happened.append(told.text)

        opened.on("dialog", on_dialog)
        opened.on("console", on_console)
        opened.on("pageerror", lambda error: happened.append(str(error)))
        opened.set_default_timeout(BROWSER_MS)
        opened.goto(address)
        yield opened
        assert happened == []


def run_at(address: str) -> Any:
    """The run that is going on, or the last one."""
    with urllib.request.urlopen(f"{address}/api/indexing/now") as told:
        return json.loads(told.read())


def nothing_was_made_of_it(page: Any) -> None:
    made = "img[onerror], svg[onload], iframe, script:not([src]), [src='x']"
    assert page.locator(made).count() == 0


def test_names_are_shown_as_they_are_and_nothing_of_them_runs(page: Any) -> None:
    page.locator("#gallery li").nth(5).wait_for()
    for question, name in (("red + blue", BREAKS_OUT), ("yellow", RUNS)):
        page.locator("#question").fill(question)
        tile = page.locator("#gallery li", has=page.get_by_alt_text(f"{name}.png", exact=True))
        tile.locator(".look").click()
        page.locator("#name", has_text=f"{name}.png").wait_for()
        page.wait_for_timeout(300)
        nothing_was_made_of_it(page)
        page.keyboard.press("Escape")
    folders = open_filter(page, "folder")
    while folders.locator(".arrow[aria-expanded='false']").count():
        folders.locator(".arrow[aria-expanded='false']").first.click()
    folders.locator(".title", has_text="iframe").first.wait_for()
    page.keyboard.press("Escape")
    nothing_was_made_of_it(page)
    for view in ("Duplicates", "Library", "Map"):
        page.get_by_role("link", name=view).click()
        page.wait_for_timeout(1000)
        nothing_was_made_of_it(page)
        if view == "Duplicates":
            page.get_by_text(f"{RUNS} again.png").first.wait_for()
        if view == "Library":
            page.locator("#problems summary").click()
            page.get_by_text(f"{RUNS} broken.png").wait_for()
            page.get_by_role("button", name=f"Forget {RUNS} concept").wait_for()


def test_a_question_in_the_address_is_text(page: Any, address: str) -> None:
    page.goto(f"{address}/?q={quote(RUNS)}&where={quote('name ~ ' + chr(39) + RUNS + chr(39))}")
    page.locator("#gallery li").first.wait_for()
    assert page.locator("#question").input_value() == RUNS
    nothing_was_made_of_it(page)


def test_another_page_neither_reads_nor_begins_anything(page: Any, address: str) -> None:
    """A page of another site, in the same browser, that knows the address."""
    page.route(
        EVIL,
        lambda route: route.fulfill(body="<h1>evil</h1>", content_type="text/html"),
    )
    page.goto(EVIL)
    probes = """async address => {
        const shown = path => new Promise(done => {
            const img = new Image();
            img.onload = () => done(true);
            img.onerror = () => done(false);
            img.src = address + path;
        });
        const went = (path, how) => fetch(address + path, how).then(() => true, () => false);
        return [
            await shown("/api/pictures/1/thumbnail"), await shown("/icon.svg"),
            await went("/api/status"), await went("/api/indexing", {method: "POST", body: ""}),
            await went("/api/indexing", {method: "POST", mode: "no-cors"}),
        ];
    }"""
    before = run_at(address)
    assert page.evaluate(probes, address) == [False] * 5
    assert run_at(address) == before
