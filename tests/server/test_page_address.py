"""The address and the history of the page, in a real browser: back, forward, reload, a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.browsing import ask, check, choose, drop, open_filter, wait_for_first
from support.waiting import BROWSER_MS, until

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")


@pytest.fixture
def copied(page: Any) -> Iterator[Callable[[], Any]]:
    """Open the page's address in a browser that has never been here."""
    made: list[Any] = []

    def copy() -> Any:
        context = page.context.browser.new_context(viewport=page.viewport_size)
        made.append(context)
        fresh = context.new_page()
        fresh.set_default_timeout(BROWSER_MS)
        fresh.goto(page.url)
        return fresh

    yield copy
    for context in made:
        context.close()


def is_open(page: Any, name: str) -> None:
    page.locator("#viewer[open] #name", has_text=name).wait_for()


def is_closed(page: Any) -> None:
    page.locator("#viewer").wait_for(state="hidden")


def test_each_step_is_gone_back_to(page: Any) -> None:
    ask(page, "red", "red.png")
    page.locator("#gallery .look").first.click()
    is_open(page, "red.png")
    page.keyboard.press("ArrowRight")
    is_open(page, "yellow.png")
    page.go_back()
    is_closed(page)
    assert page.locator("#gallery li[aria-posinset='1'] img").get_attribute("alt") == "red.png"
    page.go_forward()
    is_open(page, "yellow.png")
    page.reload()
    is_open(page, "yellow.png")
    page.locator("#position", has_text="2 of 34").wait_for()
    page.get_by_role("button", name="More like this").click()
    is_closed(page)
    page.locator("#chips img").wait_for()
    assert page.locator("#question").input_value() == ""
    page.go_back()
    is_open(page, "yellow.png")
    page.keyboard.press("Escape")
    is_closed(page)
    page.wait_for_url("**/?q=red")
    page.go_back()
    page.get_by_text("Search with words").wait_for()
    assert page.locator("#question").input_value() == ""
    page.get_by_role("link", name="Library").click()
    page.get_by_role("heading", name="Contents").wait_for()
    page.go_back()
    page.locator("#library").wait_for(state="hidden")
    page.locator("#gallery li").first.wait_for()


def test_a_copied_address_shows_the_same(
    page: Any, pictures: Path, copied: Callable[[], Any]
) -> None:
    ask(page, "red", "red.png")
    folders = open_filter(page, "folder")
    check(folders, "grey")
    page.keyboard.press("Escape")
    open_filter(page, "more").locator("#where").fill("width > 3")
    page.locator("#sort").select_option("name")
    page.keyboard.press("Escape")
    page.locator("#state", has_text="30 pictures searched").wait_for()
    choose(page, "05.png")
    page.get_by_role("button", name="More like these").click()
    page.locator("#chips", has_text="1 liked").wait_for()
    choose(page, "07.png")
    page.get_by_role("button", name="Clear selection").click()
    wait_for_first(page, "00.png")
    fresh = copied()
    fresh.locator("#state", has_text="30 pictures searched").wait_for()
    wait_for_first(fresh, "00.png")
    fresh.locator("#chips", has_text="1 liked").wait_for()
    until(lambda: fresh.locator("#chipbar .on").count() == 3)
    said = fresh.locator("#chipbar .on .open").all_text_contents()
    assert said == ["Folder: grey", "Expression: width > 3", "Sort: Name"]
    assert fresh.locator("#where").input_value() == "width > 3"
    fresh.get_by_role("button", name="Clear filters").click()
    fresh.locator("#state", has_text="34 pictures searched").wait_for()
    fresh.go_back()
    fresh.locator("#state", has_text="30 pictures searched").wait_for()
    assert fresh.locator("#chipbar .on").count() == 3


def test_a_dropped_picture_stays_until_it_is_removed(
    page: Any, pictures: Path, copied: Callable[[], Any]
) -> None:
    drop(page, pictures / "red.png")
    wait_for_first(page, "yellow.png")
    page.reload()
    page.get_by_alt_text("your picture").wait_for()
    wait_for_first(page, "yellow.png")
    copied().get_by_text("Your picture is not in this browser").wait_for()
    page.get_by_role("button", name="remove your picture").click()
    page.get_by_text("Search with words").wait_for()
    assert "picture" not in page.url
    page.go_back()
    page.get_by_alt_text("your picture").wait_for()
    wait_for_first(page, "yellow.png")


def test_the_map_is_looked_at_from_the_same_place(
    page: Any, copied: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("link", name="Map").click()
    page.locator(".map .regions button").first.wait_for(state="attached")
    assert page.url.endswith("/#map")
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_url("**at=0.5,0.5,1.6#map")
    fresh = copied()
    fresh.emulate_media(reduced_motion="reduce")
    fresh.locator(".map .regions button").first.wait_for(state="attached")
    fresh.get_by_role("button", name="Zoom in").click()
    fresh.wait_for_url("**at=0.5,0.5,2.56#map")
    fresh.locator(".map canvas[tabindex]").focus()
    fresh.keyboard.press("0")
    fresh.wait_for_url("**/#map")


def test_one_returns_to_where_one_had_scrolled(page: Any) -> None:
    page.set_viewport_size({"width": 500, "height": 400})
    ask(page, "red", "red.png")
    page.evaluate("scrollTo(0, 500)")
    page.wait_for_function("() => history.state?.scroll > 400")
    there = page.evaluate("scrollY")
    ask(page, "blue", "blue.png")
    until(lambda: page.evaluate("scrollY") == 0)
    page.go_back()
    until(lambda: page.evaluate("scrollY") == there)


def test_a_change_of_view_searches_once(page: Any) -> None:
    wait_for_any(page)
    page.get_by_role("link", name="Albums").first.click()
    page.get_by_text("No albums yet").wait_for()
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    ask(page, "red", "red.png")
    page.wait_for_timeout(300)
    assert len([url for url in asked if "/api/search?" in url]) == 1
    page.go_back()
    page.get_by_text("No albums yet").wait_for()
    asked.clear()
    page.go_forward()
    page.wait_for_timeout(500)
    assert len([url for url in asked if "/api/search?" in url]) == 1


def wait_for_any(page: Any) -> None:
    page.locator("#gallery .tile").first.wait_for()
