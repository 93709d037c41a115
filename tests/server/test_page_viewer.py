"""The viewer in a real browser: zoom, slides, facts, and what is done with one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import pytest
from PIL import Image
from support.browsing import ask, choose, wait_for_first
from support.fakes import FakeEncoder
from support.waiting import until

from retrieval import Library

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")

BROKEN_NAME = "white\nin two lines.jpg"


@pytest.fixture
def pictures(pictures: Path) -> Path:
    """The same pictures, and one that says how and where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x829A: 0.004, 0x829D: 2.8, 0x8827: 400, 0x920A: 50.0})
    place = {1: "N", 2: (48.0, 51.0, 30.24), 3: "E", 4: (2.0, 17.0, 40.2)}
    exif.get_ifd(0x8825).update(place)
    Image.new("RGB", (60, 40), "white").save(pictures / BROKEN_NAME, exif=exif)
    return pictures


@pytest.fixture
def tagged(folder: str, encoder: FakeEncoder) -> None:
    """A label that some pictures have."""
    with Library.open(folder, encoder) as library:
        library.tags.label(["white"])


def scale(page: Any) -> float:
    script = "new DOMMatrix(getComputedStyle(document.querySelector('#large')).transform).a"
    return round(float(page.evaluate(script)), 3)


def touch(page: Any, moves: list[list[tuple[float, float]]]) -> None:
    """Put fingers down, move them and lift them; each move has the place of every finger."""
    session = page.context.new_cdp_session(page)
    for number, places in enumerate([*moves, []]):
        kind = "touchEnd" if not places else "touchMove" if number else "touchStart"
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_one_looks_closer(page: Any) -> None:
    ask(page, "red", "red.png")
    page.locator("#gallery .look").first.click()
    page.locator("#name", has_text="red.png").wait_for()
    page.wait_for_function("() => document.querySelector('#large').complete")
    stage = page.locator("#stage").bounding_box()
    assert page.locator("#large").bounding_box() == stage  # a picture of 24 × 16 fills the room
    page.keyboard.press("+")
    assert scale(page) == 1.5
    page.keyboard.press("ArrowRight")  # moves what is zoomed, and stays with it
    assert page.locator("#name").inner_text() == "red.png"
    page.keyboard.press("-")
    page.mouse.move(stage["x"] + 200, stage["y"] + 200)
    page.mouse.wheel(0, -200)
    until(lambda: scale(page) > 1)
    page.keyboard.press("0")
    assert scale(page) == 1
    page.mouse.dblclick(stage["x"] + 300, stage["y"] + 300)
    assert scale(page) == 2
    left = page.locator("#large").bounding_box()["x"]
    page.mouse.down()
    page.mouse.move(stage["x"] + 400, stage["y"] + 300, steps=4)
    page.mouse.up()
    assert page.locator("#large").bounding_box()["x"] > left
    page.mouse.dblclick(stage["x"] + 300, stage["y"] + 300)
    assert scale(page) == 1
    page.keyboard.press("ArrowRight")
    page.locator("#name", has_text="yellow.png").wait_for()

    middle = stage["x"] + stage["width"] / 2
    touch(page, [[(middle - 20 * step, 300)] for step in range(9)])  # a finger wipes it away
    position = page.locator("#position", has_text="3 of 35")
    position.wait_for()
    touch(page, [[(middle - 30 - 10 * step, 300), (middle + 30, 300)] for step in range(9)])
    assert scale(page) > 1.5
    page.keyboard.press("0")
    touch(page, [[(middle + 20 * step, 300)] for step in range(9)])
    page.locator("#name", has_text="yellow.png").wait_for()

    page.keyboard.press("Shift+F")
    page.wait_for_function("() => document.fullscreenElement")
    page.keyboard.press("Shift+F")
    page.wait_for_function("() => !document.fullscreenElement")
    page.clock.install()
    page.get_by_role("button", name="Slide show").click()
    position = page.locator("#position")
    until(lambda: page.clock.run_for(4000) or position.inner_text() == "4 of 35")
    page.get_by_role("button", name="Slide show").click()
    stopped = position.inner_text()
    page.clock.run_for(20000)
    assert position.inner_text() == stopped
    page.locator("#viewer aside").wait_for()


def test_what_is_known_of_a_picture(tagged: None, page: Any, pictures: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, "white", BROKEN_NAME)
    page.locator("#gallery .look").first.click()
    facts = page.locator("#facts")
    facts.get_by_text("1/250 s · f/2.8 · ISO 400 · 50 mm").wait_for()
    link = facts.get_by_role("link", name="OpenStreetMap")
    assert "48.8584" in link.get_attribute("href")
    assert "2.2945" in link.get_attribute("href")
    assert "noopener" in link.get_attribute("rel")
    assert "Score" not in page.locator("#viewer").inner_text()
    page.get_by_text("Details").click()
    assert "Score" in page.locator("#details").inner_text()
    page.get_by_role("button", name="Copy path").click()
    page.get_by_text("Copied the path.").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == str(pictures / BROKEN_NAME)
    assert page.get_by_role("button", name="Show in folder").is_hidden()  # not on this server
    with page.expect_download() as waited:
        page.locator("#original").click()
    assert Path(waited.value.path()).read_bytes() == (pictures / BROKEN_NAME).read_bytes()
    facts.get_by_role("button", name="white").click()
    page.locator("#viewer").wait_for(state="hidden")
    until(lambda: page.locator("#narrowed").inner_text() == "1")
    page.go_back()
    page.locator("#viewer[open]").wait_for()
    page.keyboard.press("Escape")

    page.goto(page.url.partition("?")[0])  # nothing is asked: there is no score
    page.locator("#gallery .look").first.click()
    page.locator("#details dt").first.wait_for(state="attached")
    assert "Score" not in page.locator("#details").inner_text()


def test_a_name_of_two_lines_is_taken_away_whole(page: Any, pictures: Path, tmp_path: Path) -> None:
    ask(page, "white", BROKEN_NAME)
    page.locator("#gallery .choose").first.click()
    choose(page, "17.png")
    assert page.locator("#count").inner_text() == "2 selected"
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download", exact=True).first.click()
    with ZipFile(waited.value.path()) as archive:
        assert archive.namelist() == [BROKEN_NAME.replace("\n", "_"), "17.png"]
    with page.expect_download() as waited:
        page.locator("#list").select_option("txt")
    lines = Path(waited.value.path()).read_text().splitlines()
    broken = f"file://{quote(str(pictures / BROKEN_NAME))}"
    assert lines == [broken, str(pictures / "grey/17.png")]


def test_the_place_of_a_file_is_shown(page: Any) -> None:
    asked: list[str] = []

    def locate(route: Any) -> None:
        asked.append(f"{route.request.method} {route.request.url}")
        route.fulfill(json={"path": "/x"})

    page.route("**/api/locate", lambda route: route.fulfill(json={"possible": True}))
    page.route("**/api/pictures/*/locate", locate)
    page.reload()
    ask(page, "red", "red.png")
    page.locator("#gallery .look").first.click()
    page.get_by_role("button", name="Show in folder").click()
    until(lambda: asked)
    shown = page.url.partition("open=")[2]
    assert asked[0].startswith("POST ")
    assert asked[0].endswith(f"/{shown}/locate")
    page.keyboard.press("Escape")
    wait_for_first(page, "red.png")
