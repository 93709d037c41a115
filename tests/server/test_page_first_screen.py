"""The rows above all pictures: recent searches, and what the library shows most."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from support.browsing import ask, wait_for_first
from support.waiting import until

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")

STILL_MS = 1500  # a question counts after 1.2 seconds without typing


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def chips(page: Any, row: str) -> list[str]:
    """Return the texts of a row's chips that can be seen, in their order."""
    return page.locator(f"#{row} a:visible").all_text_contents()  # type: ignore[no-any-return]


def go_home(page: Any) -> None:
    page.get_by_role("link", name="Pixtrieve: search").click()
    page.locator("#first").wait_for(state="attached")
    page.get_by_text("Search with words").wait_for()


def put_labels(page: Any, *labels: str) -> None:
    page.evaluate(
        """labels => fetch("/api/labels", {
             method: "POST",
             body: JSON.stringify({ labels, least: 0 }),
             headers: { "content-type": "application/json" },
           })""",
        list(labels),
    )


def test_recent_searches_are_kept_newest_first_until_cleared(page: Any) -> None:
    page.locator("#gallery .tile").first.wait_for()
    assert chips(page, "recent") == []
    for name in ("red", "blue", "red"):
        ask(page, name, f"{name}.png")
    go_home(page)  # another act than typing: the last one counts, too
    until(lambda: chips(page, "recent") == ["red", "blue"])
    page.reload()
    until(lambda: chips(page, "recent") == ["red", "blue"])
    page.locator("#recent a", has_text="blue").click()
    wait_for_first(page, "blue.png")
    assert page.url.endswith("?q=blue")
    assert page.locator("#question").input_value() == "blue"
    page.locator("#first").wait_for(state="hidden")
    page.go_back()
    until(lambda: chips(page, "recent") == ["blue", "red"])
    assert page.locator("#question").input_value() == ""
    page.get_by_role("button", name="Clear recent searches").click()
    assert page.locator("#recent").is_hidden()
    assert page.evaluate("document.activeElement.id") == "question"
    page.reload()
    page.get_by_text("Search with words").wait_for()
    assert chips(page, "recent") == []


def test_what_is_still_typed_is_no_recent_search(page: Any) -> None:
    page.locator("#gallery .tile").first.wait_for()
    page.locator("#question").type("re", delay=150)
    page.wait_for_url("**q=re")
    page.wait_for_timeout(STILL_MS)  # a rest, and then the same question goes on
    page.locator("#question").type("d", delay=150)
    wait_for_first(page, "red.png")
    page.wait_for_timeout(STILL_MS)
    page.locator("#question").fill("- red")  # no question: it gets no answer
    page.locator("#note").get_by_text("dog - people").wait_for()
    page.wait_for_timeout(STILL_MS)
    ask(page, "blue", "blue.png")
    page.locator("#question").fill("")
    until(lambda: chips(page, "recent") == ["red"])


def test_without_storage_there_are_no_recent_searches(page: Any) -> None:
    page.add_init_script(
        """Object.defineProperty(window, "localStorage", {
             get() { throw new Error("denied"); },
           });"""
    )
    page.reload()
    ask(page, "red", "red.png")
    page.wait_for_timeout(STILL_MS)
    go_home(page)
    assert page.locator("#recent").is_hidden()


def test_nothing_moves_before_the_answer_is_there(page: Any) -> None:
    ask(page, "red", "red.png")
    go_home(page)
    until(lambda: chips(page, "recent") == ["red"])
    held: list[Any] = []
    page.route("**/api/search?*", lambda each: held.append(each))
    before = page.locator("#gallery").bounding_box()
    with page.expect_request("**/api/search?*"):
        page.locator("#question").fill("blue")
    page.wait_for_timeout(300)
    assert page.url.endswith("?q=blue")
    assert page.locator("#gallery").bounding_box() == before
    held[0].continue_()
    page.locator("#first").wait_for(state="hidden")


def test_labels_that_many_pictures_have_are_searched_with_a_click(page: Any) -> None:
    page.get_by_text("Search with words").wait_for()
    put_labels(page, "red", "grey")
    page.reload()
    page.locator("#often a").first.wait_for()
    assert set(chips(page, "often")) <= {"red", "grey"}
    label = chips(page, "often")[0]
    page.locator("#often a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**filter.tag={label}")
    page.locator("#first").wait_for(state="hidden")
    assert page.locator("#chipbar .on").count() == 1
    page.go_back()
    page.locator("#often a").first.wait_for()
    assert page.locator("#chipbar .on").count() == 0


def test_the_map_names_what_is_shown_but_is_not_drawn_for_it(page: Any, address: str) -> None:
    with page.expect_response("**/api/often") as answer:
        page.reload()
    assert answer.value.json() == {"labels": [], "regions": []}
    page.get_by_text("Search with words").wait_for()
    assert page.locator("#often").is_hidden()
    assert page.request.get(f"{address}/api/map?draw=false").json()["drawing"] is None
    known = {"labels": [], "regions": ["red", "blue"]}
    page.route("**/api/often", lambda each: each.fulfill(json=known))
    page.reload()
    until(lambda: chips(page, "often") == ["red", "blue"])
    page.locator("#often a", has_text="blue").click()
    wait_for_first(page, "blue.png")
    assert page.url == f"{address}/?q=blue"
    page.go_back()
    until(lambda: chips(page, "often") == ["red", "blue"])


def test_the_rows_are_there_before_the_pictures(page: Any, address: str) -> None:
    """On a cold load, too: nothing that comes later moves the pictures."""
    page.get_by_text("Search with words").wait_for()
    put_labels(page, "red", "grey")
    page.evaluate("fetch('/api/saved?name=Sea&q=blue', { method: 'POST' })")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(address)))

    def slowly(route: Any) -> None:
        time.sleep(0.15)
        route.continue_()

    page.route("**/api/often", slowly)
    for query in ("/", "/?q=red"):
        asked.clear()
        page.goto("about:blank")
        page.goto(f"{address}{query}")
        page.locator("#gallery .ready").first.wait_for()
        page.locator("#chipbar [data-filter='tag']").wait_for()  # what is loaded last
        moved = page.evaluate(
            """() => new Promise((done) => {
                 const found = [];
                 new PerformanceObserver((list) => found.push(...list.getEntries()))
                   .observe({ type: "layout-shift", buffered: true });
                 setTimeout(() => done(found.flatMap(({ sources }) =>
                   sources.map(({ node }) => node?.id || node?.className))), 300);
               })"""
        )
        assert not {"gallery", "tile", "tile ready", "day"} & set(moved)
        if query == "/":
            assert chips(page, "often")
            assert chips(page, "saved") == ["Sea"]
            lists = [each for each in asked if each.startswith("/api/timeline")]
            assert lists == ["/api/timeline?where=&sort=date-desc&first=200"]
            assert asked.count("/api/often") == 1


def test_what_is_shown_first_is_asked_for_first(page: Any) -> None:
    """The parts of other views come after the pictures, and letters in haste make one question."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_function("!document.querySelector('#filters').hidden")
    page.locator("#chipbar [data-filter='date']").wait_for()
    first = next(place for place, url in enumerate(asked) if "/thumbnail" in url)
    for name in ("facets", "fields"):
        assert next(place for place, url in enumerate(asked) if name in url) > first
    assert not any("map.css" in url or "review.css" in url for url in asked)
    page.evaluate(
        """() => {
             const field = document.getElementById("question");
             for (const text of ["r", "re", "red"]) {
               field.value = text;
               field.dispatchEvent(new InputEvent("input", { bubbles: true }));
             }
           }"""
    )
    wait_for_first(page, "red.png")
    assert len([url for url in asked if "/api/search" in url]) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_rows_are_for_everyone(page: Any, scheme: str) -> None:
    """What axe finds; and the rows stay narrow on a telephone."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.get_by_text("Search with words").wait_for()
    put_labels(page, "red", "grey", "something with a rather long name that many pictures have")
    texts = ["two dogs on a beach in the evening sun", "red", "blue car", "a", "b", "x" * 200]
    page.evaluate("texts => localStorage.setItem('pixtrieve.recent', JSON.stringify(texts))", texts)
    page.evaluate("fetch('/api/saved?name=Evenings&q=evening', { method: 'POST' })")
    page.reload()
    for row in ("recent", "saved", "often"):
        page.locator(f"#{row} a").first.wait_for()
    for width in (390, 1200):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(300)
        found = axe.run(page).response["violations"]
        assert [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for row in ("recent", "saved", "often"):
            assert page.locator(f"#{row}").bounding_box()["height"] < 50
        last = page.locator("#recent li").last.bounding_box()
        seen = page.locator("#recent ul").bounding_box()
        end = seen["x"] + seen["width"] if width > 760 else last["x"] + last["width"]
        assert page.locator("#forget").bounding_box()["x"] >= end  # on no chip
