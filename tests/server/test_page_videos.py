"""Videos on the page, in a real browser: the moment in the tile, the player, the other moments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.videos import make_video

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")


@pytest.fixture
def pictures(pictures: Path) -> Path:
    """The same pictures, a video that browsers play, and one that they do not."""
    make_video(pictures / "clip.webm", (("yellow", 3), ("white", 3), ("black", 3)))
    make_video(pictures / "old.avi", (("yellow", 2), ("white", 2)))
    return pictures


def ask(page: Any, text: str, expected: str) -> None:
    """Ask for videos alone, and wait for one."""
    page.goto(f"{page.url.split('?')[0]}?q={text}&where=kind+%3D+video")
    page.locator(f"#gallery .look img[alt='{expected}']").wait_for()


def time_of(page: Any) -> float:
    return float(page.evaluate("document.querySelector('#video').currentTime"))


def open_video(page: Any, name: str) -> None:
    page.locator(f"#gallery .look:has(img[alt='{name}'])").first.click()
    page.locator("#name", has_text=name).wait_for()


def test_it_plays_from_the_best_moment(page: Any) -> None:
    ask(page, "white", "clip.webm")
    tile = page.locator("#gallery .look:has(img[alt='clip.webm'])")
    assert "of 0:0" in tile.locator(".length").inner_text()
    assert "&at=" in tile.locator("img").get_attribute("src")
    open_video(page, "clip.webm")
    page.wait_for_function("() => document.querySelector('#video').readyState > 1")
    assert 1.9 < time_of(page) < 4.1
    assert page.locator("#large").is_hidden()
    page.locator("#moments button").nth(2).wait_for()
    assert page.locator("#moments button.best").count() >= 1
    page.locator("#moments button").first.click()
    page.wait_for_function("() => document.querySelector('#video').currentTime < 2")
    page.keyboard.press("Escape")
    page.locator("#viewer").wait_for(state="hidden")
    assert page.evaluate("document.querySelector('#video').paused")
    assert not page.locator("#video").get_attribute("src")


def test_the_next_picture_takes_the_player_away(page: Any) -> None:
    ask(page, "white", "clip.webm")
    open_video(page, "clip.webm")
    page.wait_for_function("() => document.querySelector('#video').readyState > 0")
    page.locator("#next, #previous").locator("visible=true").first.click()
    page.locator("#name", has_text=".png").or_(page.locator("#name", has_text=".avi")).wait_for()
    page.wait_for_function("() => !document.querySelector('#large').hidden")


def test_what_the_browser_cannot_play_is_said(page: Any) -> None:
    ask(page, "yellow", "old.avi")
    open_video(page, "old.avi")
    page.locator("#unplayable").wait_for()
    assert page.locator("#large").is_visible()
    assert page.locator("#original").get_attribute("href").endswith("/video")
