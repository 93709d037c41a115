"""All pictures by date, in a real browser: rows, days, scrubber, selection, coming back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.browsing import ask, browser, wait_for_first
from support.fakes import FakeEncoder
from support.waiting import BROWSER_MS, until

from retrieval import Library

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")

SHAPES = ((60, 40), (40, 60), (50, 50), (120, 40))
COUNT = 450


@pytest.fixture
def folder(tmp_path: Path, encoder: FakeEncoder) -> str:
    """A library with pictures of several shapes, five on each of the first days of 90 months."""
    root = tmp_path / "pictures"
    root.mkdir()
    for number in range(COUNT):
        year, month = divmod(2026 * 12 + 5 - number // 5, 12)
        name = f"{year}-{month + 1:02}-0{1 + number % 5 // 4}_{number:04}.png"
        colour = (number % 256, number // 256 * 99, number * 3 % 256)
        Image.new("RGB", SHAPES[number % 4], colour).save(root / name, compress_level=1)
    with Library.create(tmp_path / "library", encoder) as library:
        library.add(root)
        return library.path


def heads(page: Any) -> list[str]:
    """Return the days in the window, from the top down."""
    return list(
        page.evaluate(
            """() => {
              const covered = document.querySelector("header").offsetHeight;
              return [...document.querySelectorAll(".day")]
                .map((day) => ({ box: day.getBoundingClientRect(), head: day.firstElementChild }))
                .filter(({ box }) => box.bottom > covered && box.top < innerHeight)
                .sort((a, b) => a.box.top - b.box.top)
                .map(({ head }) => head.textContent);
            }"""
        )
    )


def first_seen(page: Any) -> str:
    """Return the name of the first picture below the header."""
    return str(
        page.evaluate(
            """() => {
              const covered = document.querySelector("header").offsetHeight;
              return [...document.querySelectorAll(".tile")]
                .filter((tile) => tile.getBoundingClientRect().bottom > covered + 1)
                .sort((a, b) => a.ariaPosInSet - b.ariaPosInSet)[0].querySelector("img").alt;
            }"""
        )
    )


def test_rows_show_whole_pictures_under_their_days(page: Any) -> None:
    wait_for_first(page, "2026-06-02_0004.png")
    assert page.locator("#state").inner_text().startswith("450 pictures.")
    until(lambda: page.locator(".tile.ready").count() > 10)
    boxes = page.evaluate(
        """() => [...document.querySelectorAll(".tile.ready")].map((tile) => {
          const { width, height } = tile.getBoundingClientRect();
          const { naturalWidth, naturalHeight } = tile.querySelector("img");
          return [width / height, naturalWidth / naturalHeight];
        })"""
    )
    assert all(abs(shown / own - 1) < 0.03 for shown, own in boxes)
    assert {round(own, 1) for _, own in boxes} == {0.7, 1.0, 1.5, 3.0}
    assert len(heads(page)) >= 2
    assert heads(page)[0].startswith("1 – 2 June")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_only_what_is_near_is_in_the_document(page: Any) -> None:
    wait_for_first(page, "2026-06-02_0004.png")
    for _ in range(6):
        page.evaluate("scrollBy(0, document.body.scrollHeight / 6)")
        page.wait_for_timeout(50)
    page.locator("img[alt='2019-01-01_0448.png']").wait_for(state="attached")
    assert page.locator(".tile").count() < 150
    order = page.evaluate(
        "[...document.querySelectorAll('.tile')].map((tile) => Number(tile.ariaPosInSet))"
    )
    assert order == sorted(order)
    page.evaluate("scrollTo(0, 0)")
    wait_for_first(page, "2026-06-02_0004.png")
    until(lambda: page.locator(".tile.ready").count() > 10)


def test_the_scrubber_leads_to_a_month(page: Any) -> None:
    wait_for_first(page, "2026-06-02_0004.png")
    scrubber = page.get_by_role("slider", name="Go to a month")
    box = scrubber.bounding_box()
    assert {"2026", "2020"} <= set(page.locator(".years .year").all_inner_texts())
    page.mouse.move(box["x"] + 20, box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    until(lambda: scrubber.get_attribute("aria-valuetext").endswith("2022"))
    until(lambda: any("2022" in head for head in heads(page)))
    scrubber.focus()
    page.keyboard.press("End")
    until(lambda: any("January 2019" in head for head in heads(page)))
    page.keyboard.press("Home")
    until(lambda: page.evaluate("scrollY") < 60)
    page.keyboard.press("ArrowDown")
    until(lambda: heads(page)[0].endswith("May"))
    ask(page, "red", first_answer(page))
    assert scrubber.is_hidden()


def test_a_scrubber_that_makes_the_list_short_stays(page: Any) -> None:
    """Beside a scrubber the rows are narrower: here so much that the list would do without it."""
    wait_for_first(page, "2026-06-02_0004.png")
    narrow = "body.scrubbed #search { margin-right: 50vw !important; }"
    page.evaluate("rule => document.styleSheets[0].insertRule(rule)", narrow)
    page.locator("#where").evaluate("where => { where.value = 'date >= 2026'; }")
    page.locator("#where").dispatch_event("input")
    page.locator("#state", has_text="30 pictures").wait_for()
    page.evaluate(
        """() => {
          window.changes = 0;
          const count = () => { window.changes += 1; };
          new MutationObserver(count).observe(document.querySelector("#scrubber"),
            { attributeFilter: ["hidden"] });
        }"""
    )
    shown = []
    for height in range(600, 2001, 100):
        page.set_viewport_size({"width": 1200, "height": height})
        page.locator("#question").press("Enter")
        page.wait_for_timeout(150)
        shown.append(page.locator("#scrubber").is_visible())
    assert shown == sorted(shown, reverse=True)
    assert {*shown} == {True, False}
    assert page.evaluate("window.changes") < 10


def test_what_is_around_a_picture_that_was_opened_is_loaded(page: Any) -> None:
    wait_for_first(page, "2026-06-02_0004.png")
    found = page.evaluate(
        """async () => {
          const { createTimeline, loadTimeline } = await import("/timeline.js");
          const facts = await loadTimeline("", "");
          const ids = (await (await fetch(`/api/timeline/${facts.order}/ids`)).json()).ids;
          let arrived = () => {};
          const list = createTimeline(facts, { arrived: () => arrived(), outdated() {} });
          await list.find(ids[250]);
          const rest = new Promise((done) => {
            arrived = () => { if (list.item(449) && list.item(0)) done(); };
          });
          list.need(0, 450);
          await rest;
          return [list.ids.length, ids.every((id, place) => list.item(place)?.id === id)];
        }"""
    )
    assert found == [COUNT, True]


def test_a_range_of_a_list_that_the_server_forgot_is_listed_again(page: Any) -> None:
    wait_for_first(page, "2026-06-02_0004.png")
    for number in range(9):
        page.evaluate("where => fetch(`/api/timeline?where=${where}`)", f"width > {number}")
    page.locator(".tile .choose").first.click()
    page.locator(".tile").nth(7).click(modifiers=["Shift"])
    page.locator("#toast", has_text="The library has changed").wait_for()
    page.locator("#count", has_text="1 selected").wait_for()
    page.locator(".tile").nth(7).click(modifiers=["Shift"])
    page.locator("#count", has_text="8 selected").wait_for()


def first_answer(page: Any) -> str:
    """Return the file of the first answer to "red"."""
    found = page.evaluate("async () => (await fetch('/api/search?q=red&limit=1')).json()")
    return os.path.basename(str(found["hits"][0]["path"]))


def test_one_comes_back_to_the_same_pictures(page: Any) -> None:
    wait_for_first(page, "2026-06-02_0004.png")
    page.evaluate("scrollTo(0, 9000)")
    until(lambda: page.evaluate("history.state?.scroll") == 9000)
    until(lambda: first_seen(page) != "")
    there = first_seen(page)
    page.reload()
    until(lambda: page.evaluate("scrollY") == 9000)
    until(lambda: first_seen(page) == there)
    page.locator(f"img[alt='{there}']").click()
    page.locator("#name", has_text=there).wait_for()
    page.locator("#position", has_text=" of 450").wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    until(lambda: page.locator("#name").inner_text() not in ("", there))
    page.reload()  # the picture is far down: the page asks where
    page.locator("#position", has_text=" of 450").wait_for()
    page.keyboard.press("Escape")
    page.locator("#viewer").wait_for(state="hidden")
    ask(page, "red", first_answer(page))
    page.go_back()
    until(lambda: abs(page.evaluate("scrollY") - 9000) < 800)


def test_the_size_of_tiles_is_kept(page: Any) -> None:
    wait_for_first(page, "2026-06-02_0004.png")
    page.evaluate("scrollTo(0, 6000)")
    until(lambda: page.locator(".tile").count() > 5 and first_seen(page) != "")
    before, there = page.locator(".tile").first.bounding_box()["height"], first_seen(page)
    page.get_by_role("slider", name="Size of the pictures").fill("1")
    until(lambda: page.locator(".tile").first.bounding_box()["height"] < before * 0.8)
    # What was at the top is still in its row.
    tops = "name => document.querySelector(`img[alt='${name}']`)?.getBoundingClientRect().top"
    until(lambda: 0 < (page.evaluate(tops, there) or -1) < 400)
    page.reload()
    until(lambda: page.locator(".tile").first.bounding_box()["height"] < before * 0.8)
    assert page.get_by_role("slider", name="Size of the pictures").input_value() == "1"


def test_a_range_and_a_day_are_selected(page: Any) -> None:
    wait_for_first(page, "2026-06-02_0004.png")
    tile = page.locator(".tile").first
    assert tile.locator(".choose").evaluate("one => getComputedStyle(one).opacity") == "0"
    tile.hover()
    until(lambda: tile.locator(".choose").evaluate("one => getComputedStyle(one).opacity") == "1")
    assert "2026-06-02_0004.png" in tile.locator(".about").inner_text()
    assert "2 June 2026" in tile.locator(".about").inner_text()
    tile.locator(".choose").click()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.locator("img[alt='2019-01-01_0448.png']").click(modifiers=["Shift"])
    page.locator("#count", has_text="450 selected").wait_for()  # also those never loaded
    page.get_by_role("button", name="Clear selection").click()
    page.get_by_role("button", name="Select all of").last.click()
    until(lambda: page.locator("#count").inner_text() not in ("", "0 selected", "450 selected"))


def test_nothing_pushes_the_pictures_while_one_types(page: Any) -> None:
    wait_for_first(page, "2026-06-02_0004.png")
    tops = set()
    for text in ("", "r", "red", "qwxyz", "red - blue", "- "):
        page.locator("#question").fill(text)
        page.wait_for_timeout(400)
        tops.add(page.evaluate("document.querySelector('header').getBoundingClientRect().height"))
    assert len(tops) == 1


def test_a_finger_that_rests_selects(address: str) -> None:
    with browser() as chromium:
        context = chromium.new_context(
            viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
        )
        page = context.new_page()
        page.set_default_timeout(BROWSER_MS)
        page.goto(address)
        wait_for_first(page, "2026-06-02_0004.png")
        press = """([name, long]) => new Promise((done) => {
          const look = document.querySelector(`.tile img[alt="${name}"]`).closest(".look");
          const how = { bubbles: true, pointerType: "touch", pointerId: 1 };
          look.dispatchEvent(new PointerEvent("pointerdown", how));
          setTimeout(() => {
            look.dispatchEvent(new PointerEvent("pointerup", how));
            look.click();
            done();
          }, long);
        })"""
        page.evaluate(press, ["2026-06-02_0004.png", 700])
        page.locator("#count", has_text="1 selected").wait_for()
        assert page.locator("#viewer").is_hidden()
        page.evaluate(press, ["2026-06-01_0000.png", 20])  # now a tap selects, too
        page.locator("#count", has_text="2 selected").wait_for()
        page.get_by_role("button", name="Clear selection").click()
        page.evaluate(press, ["2026-06-01_0000.png", 20])
        page.locator("#viewer[open]").wait_for()
        context.close()
