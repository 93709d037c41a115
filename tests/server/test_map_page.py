"""The map in a real browser; skipped where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.waiting import until

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def on_map(page: Any) -> Any:
    page.get_by_role("link", name="Map").click()
    page.locator(".map .regions button").first.wait_for(state="attached")
    page.locator(".map .note").wait_for(state="hidden")
    return page


def colours(page: Any, which: str = "canvas") -> int:
    """Count the colours of what is painted, names and points."""
    return int(
        page.evaluate(
            """(which) => new Promise((done) => setTimeout(() => {
              const seen = new Set();
              for (const canvas of document.querySelectorAll(`.map ${which}`)) {
                const { width, height } = canvas;
                const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
                for (const pixel of new Uint32Array(data.buffer)) seen.add(pixel);
              }
              done(seen.size);
            }, 300))""",
            which,
        )
    )


def test_the_map_is_painted_in_light_and_dark(on_map: Any) -> None:
    until(lambda: colours(on_map) > colours(on_map, "canvas:first-child") >= 2)
    points = colours(on_map, "canvas:first-child")
    on_map.emulate_media(color_scheme="dark")
    until(lambda: colours(on_map, "canvas:first-child") == points)


def test_the_smallest_points_are_painted_too(page: Any) -> None:
    painted = page.evaluate(
        """async () => {
          const { Painter } = await import("/map_paint.js");
          const { Points } = await import("/map_data.js");
          const count = 20000;
          const place = (_, at) => (at % 2 ? (at * 357) % 9973 : (at * 791) % 10007) / 10007;
          const places = Float32Array.from({ length: 2 * count }, place);
          const middle = { x: 0.5, y: 0.5, radius: 1, count, picture: 1 };
          const region = { name: "all", level: 0, parent: -1, ...middle };
          const ids = Uint32Array.from({ length: count }, (_, at) => at + 1);
          const points = new Points(ids, places, new Uint16Array(count), [region]);
          const view = { width: 300, height: 300, zoom: 1, most: 9, x: 0.5, y: 0.5, scale: 300,
            toScreen: () => [150, 150], toMap: (x, y) => [x / 300, y / 300] };
          const canvas = () => document.body.appendChild(document.createElement("canvas"));
          const below = canvas();
          const painter = new Painter(below, canvas(), view, { want() {}, get: () => null });
          painter.setPoints(points);
          painter.paint();
          const { data } = below.getContext("2d").getImageData(0, 0, below.width, below.height);
          const pixels = new Uint32Array(data.buffer);
          return pixels.filter((pixel) => pixel !== pixels[0]).length / pixels.length;
        }"""
    )
    assert painted > 0.2


def test_a_region_is_gone_to_and_leafed_through(on_map: Any) -> None:
    button = on_map.locator(".map .regions button").first
    name = button.inner_text().rsplit(", ", 1)[0]
    button.focus()
    on_map.keyboard.press("Enter")
    chosen = on_map.locator(".map .chosen")
    chosen.wait_for()
    assert name in chosen.inner_text()
    chosen.get_by_role("button", name="Browse").click()
    on_map.locator("#viewer[open]").wait_for()
    on_map.locator("#name", has_text=".png").wait_for()


def test_what_answers_the_question_stands_out(on_map: Any) -> None:
    plain = colours(on_map, "canvas:first-child")
    state = on_map.locator(".map .state")
    assert state.inner_text() == ""
    on_map.locator("#question").fill("red")
    on_map.locator(".map .state", has_text="highlighted").wait_for()
    assert on_map.url.endswith("?q=red#map")
    until(lambda: colours(on_map, "canvas:first-child") > plain)
    on_map.keyboard.press("Enter")
    on_map.wait_for_timeout(300)
    assert on_map.locator("#map").is_visible()
    on_map.locator("#question").fill("")
    until(lambda: state.inner_text() == "")
    until(lambda: colours(on_map, "canvas:first-child") == plain)
    on_map.locator("#question").fill("red")
    on_map.get_by_role("link", name="Search", exact=True).click()
    on_map.locator("#gallery li[aria-posinset='1'] img[alt='red.png']").wait_for()
    on_map.get_by_role("link", name="Map").click()
    on_map.locator(".map .state", has_text="highlighted").wait_for()


def test_what_is_highlighted_is_asked_for_when_the_map_is_shown(page: Any) -> None:
    page.locator("#gallery .tile").first.wait_for()
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    page.locator("#where").evaluate("where => { where.value = 'name ~ grey'; }")
    page.locator("#where").dispatch_event("input")
    page.locator("#state", has_text="No pictures").wait_for()
    page.locator("#where").evaluate("where => { where.value = 'width > 0'; }")
    page.locator("#where").dispatch_event("input")
    page.locator("#state", has_text="34 pictures").wait_for()
    page.wait_for_timeout(300)
    assert not [url for url in asked if "/ids?" in url]
    page.get_by_role("link", name="Map").click()
    page.locator(".map .state", has_text="34 pictures highlighted").wait_for()
    assert len([url for url in asked if "/ids?" in url]) == 1


def test_keys_move_and_open(on_map: Any) -> None:
    canvas = on_map.locator(".map canvas[tabindex]")
    canvas.focus()
    for key in ("+", "+", "+", "ArrowRight", "ArrowDown", "-", "0"):
        on_map.keyboard.press(key)
        on_map.wait_for_timeout(60)
    on_map.wait_for_timeout(500)
    middle = canvas.bounding_box()
    assert middle
    on_map.mouse.move(middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2)
    for _ in range(12):
        on_map.mouse.wheel(0, -200)
    on_map.wait_for_timeout(200)
    for _ in range(12):
        on_map.mouse.wheel(0, 200)
    until(lambda: colours(on_map) > 20)


def test_a_click_on_a_picture_opens_it_with_its_neighbours(on_map: Any) -> None:
    go_nearer(on_map)
    box = on_map.locator(".map canvas[tabindex]").bounding_box()
    assert box
    spots = [(x, y) for y in range(30, int(box["height"]), 40) for x in range(30, 1000, 40)]

    def opened() -> bool:
        for x, y in spots:
            on_map.mouse.move(box["x"] + x, box["y"] + y)
            if on_map.locator(".map canvas.pointing").count():
                on_map.mouse.click(box["x"] + x, box["y"] + y)
                if on_map.locator("#viewer[open]").count():
                    return True
        return False

    until(opened)
    on_map.locator("#name", has_text=".png").wait_for()
    first = on_map.locator("#name").inner_text()
    on_map.keyboard.press("ArrowRight")
    on_map.locator(f"#name:not(:text-is('{first}'))").wait_for()


def test_near_pictures_there_are_no_points(on_map: Any) -> None:
    assert colours(on_map, "canvas:first-child") > 1
    on_map.emulate_media(reduced_motion="reduce")
    on_map.locator(".map canvas[tabindex]").focus()
    for _ in range(6):
        on_map.keyboard.press("+")
    until(lambda: colours(on_map, "canvas:first-child") == 1)
    until(lambda: colours(on_map) > 5)


def test_enter_opens_the_picture_in_the_middle(on_map: Any) -> None:
    go_nearer(on_map)
    on_map.locator(".map canvas[tabindex]").focus()
    on_map.keyboard.press("Enter")
    on_map.locator("#viewer[open]").wait_for()


def go_nearer(page: Any) -> None:
    """Go to the first region, at once: a flight would take its time."""
    page.emulate_media(reduced_motion="reduce")
    button = page.locator(".map .regions button").first
    button.focus()
    page.keyboard.press("Enter")
    page.locator(".map .chosen").wait_for()


def test_a_failure_is_explained_and_tried_again(page: Any) -> None:
    failing = {"error": "no disk", "hint": "make room"}
    answers = iter([True])

    def once(route: Any) -> None:
        if next(answers, False):
            route.fulfill(status=422, json=failing)
        else:
            route.continue_()

    page.route("**/api/map", once)
    page.get_by_role("link", name="Map").click()
    note = page.locator(".map .note")
    note.get_by_text("no disk").wait_for()
    note.get_by_text("make room").wait_for()
    note.get_by_role("button", name="Try again").click()
    page.locator(".map .regions button").first.wait_for(state="attached")


def test_it_fits_a_telephone(on_map: Any) -> None:
    on_map.set_viewport_size({"width": 375, "height": 700})
    until(lambda: on_map.evaluate("document.documentElement.scrollWidth") <= 375)
    box = on_map.locator(".map canvas[tabindex]").bounding_box()
    assert box
    assert box["width"] == 375
    assert box["y"] + box["height"] <= 700
    until(lambda: colours(on_map) > 20)
