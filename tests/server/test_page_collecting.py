"""Favourites, albums and saved searches as people use them, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.browsing import ask, choose, wait_for_first
from support.painting import paint
from support.waiting import until

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")


@pytest.fixture(autouse=True)
def tall(page: Any) -> None:
    """A window that shows all pictures: those far below are not in the document."""
    page.set_viewport_size({"width": 1400, "height": 2400})


def names(page: Any) -> list[str]:
    """Return the names of the pictures that are shown, in their order."""
    return page.locator("#gallery .tile img").evaluate_all(  # type: ignore[no-any-return]
        "all => all.map(each => each.alt)"
    )


def tile(page: Any, name: str) -> Any:
    return page.locator("#gallery li", has=page.locator(f"img[alt='{name}']"))


def add_to_album(page: Any, album: str, *pictures: str) -> None:
    """Select pictures, and put them into an album by its name."""
    choose(page, *pictures)
    page.get_by_role("button", name="Add to album…").click()
    page.locator("#pickerlist li").first.wait_for()
    page.locator("#pickername").fill(album)
    page.keyboard.press("Enter")
    page.locator("#toast", has_text=f"“{album}”").wait_for()
    page.locator("#chosen").wait_for(state="hidden")


def test_hearts_on_tiles_in_the_viewer_and_for_a_selection(page: Any) -> None:
    ask(page, "red", "red.png")
    red = tile(page, "red.png")
    red.hover()
    red.get_by_role("button", name="Favourite").click()
    red.locator(".heart[aria-pressed=true]").wait_for()
    tile(page, "yellow.png").locator(".look").click()
    heart = page.locator("#heart")
    page.keyboard.press("f")
    page.locator("#heart[aria-pressed=true]").wait_for()
    page.keyboard.press("ArrowLeft")
    page.locator("#name", has_text="red.png").wait_for()
    until(lambda: heart.get_attribute("aria-pressed") == "true")
    page.keyboard.press("Escape")
    page.locator("#viewer").wait_for(state="hidden")
    choose(page, "green.png", "blue.png")
    page.get_by_role("button", name="Add to favourites").click()
    page.get_by_text("Marked 2 pictures.").wait_for()
    page.get_by_role("button", name="Clear selection").click()
    page.locator("#question").fill("")
    page.get_by_role("button", name="Favourites", exact=True).click()
    colours = {"red.png", "yellow.png", "green.png", "blue.png"}
    until(lambda: set(names(page)) == colours)
    assert "filter.favourite=yes" in page.url
    page.reload()
    until(lambda: page.locator(".heart[aria-pressed=true]").count() == 4)
    choose(page, "green.png", "blue.png")
    page.get_by_role("button", name="Remove from favourites").click()
    page.get_by_text("Unmarked 2 pictures.").wait_for()
    page.get_by_role("button", name="Clear selection").click()
    page.reload()
    until(lambda: set(names(page)) == {"red.png", "yellow.png"})
    page.get_by_role("button", name="Favourites", exact=True).click()
    until(lambda: len(names(page)) > 4)


def test_an_album_from_making_to_deleting(page: Any) -> None:
    ask(page, "red", "red.png")
    add_to_album(page, "Été", "red.png", "green.png")
    ask(page, "blue", "blue.png")
    page.locator("#gallery .look").first.click()
    page.locator("#viewer").get_by_role("button", name="Add to album…").click()
    page.locator("#pickername").fill("ete")
    page.locator("#pickerlist button", has_text="Été").click()
    page.get_by_text("Added 1 picture to “Été”.").first.wait_for()
    page.locator("#viewer").get_by_role("button", name="Add to album…").click()
    page.locator("#pickerlist button:disabled", has_text="in it").wait_for()
    page.keyboard.press("Escape")
    page.locator("#viewer[open]").wait_for()  # only the list was closed
    page.keyboard.press("Escape")

    page.get_by_role("link", name="Albums").first.click()
    page.locator(".albums .face", has_text="3 pictures").click()
    page.get_by_role("heading", name="Été").wait_for()
    until(lambda: names(page) == ["red.png", "green.png", "blue.png"])  # in the album's order
    page.reload()
    page.get_by_role("heading", name="Été").wait_for()
    until(lambda: names(page) == ["red.png", "green.png", "blue.png"])
    choose(page, "green.png")
    page.get_by_role("button", name="Take out of album").click()
    until(lambda: names(page) == ["red.png", "blue.png"])
    page.locator("#albumabout", has_text="2 pictures").wait_for()
    page.go_back()
    page.locator(".albums .face", has_text="2 pictures").wait_for()
    page.go_forward()
    page.get_by_role("heading", name="Été").wait_for()

    page.go_back()
    page.get_by_role("button", name="New album").click()
    page.locator(".asking input").fill("été")
    page.get_by_role("button", name="Create").click()
    page.get_by_text("There is an album “Été” already. Choose another name.").wait_for()
    page.locator(".asking input").fill("Empty")
    page.keyboard.press("Enter")
    page.locator(".albums .face", has_text="Empty").click()
    page.get_by_text("There are no pictures in this album").wait_for()
    page.go_back()
    page.get_by_role("button", name="Rename Été").click()
    page.locator(".asking input").fill("Summer <b>1</b>")
    page.get_by_role("button", name="Rename", exact=True).click()
    page.locator(".albums .face", has_text="Summer <b>1</b>").wait_for()
    page.get_by_role("button", name="Delete Summer").click()
    page.get_by_text("Its 2 pictures stay in the library").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete Summer").click()
    page.get_by_role("button", name="Delete album").click()
    page.locator(".albums .face", has_text="Summer").wait_for(state="detached")
    assert page.locator(".albums .face").count() == 1


def test_a_saved_search_says_what_is_new(page: Any, pictures: Path) -> None:
    keep = page.get_by_role("button", name="Save this search")
    page.locator("#gallery .tile").first.wait_for()
    assert keep.is_hidden()
    ask(page, "red", "red.png")
    page.evaluate("() => { document.querySelector('#where').value = 'width > 1'; }")
    page.locator("#where").dispatch_event("input")
    page.wait_for_url("**where=*")
    keep.click()
    assert page.locator(".asking input").input_value() == "red"
    page.locator(".asking input").fill("Red things")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved the search “Red things”").wait_for()
    keep.click()
    page.locator(".asking input").fill("red THINGS")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("There is a saved search “Red things” already").wait_for()
    page.locator(".asking input").fill("red THING")
    page.get_by_role("button", name="Save", exact=True).wait_for()  # no longer "Replace"
    page.locator(".asking input").fill("red THINGS")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Replace").click()
    page.locator(".asking").wait_for(state="detached")

    paint(pictures / "more/rosso.png", (250, 8, 6))
    page.get_by_role("link", name="Library").click()
    page.get_by_role("button", name="Look for new pictures").click()
    page.get_by_text("Indexed 1 new picture").wait_for()
    page.get_by_role("link", name="Pixtrieve: search").click()
    first = page.locator("#savedlist a", has_text="1 new")
    first.wait_for()
    page.get_by_role("link", name="Albums").first.click()
    page.locator(".searches li", has_text="1 new").wait_for()
    page.go_back()
    looked: list[str] = []
    page.on("request", lambda each: looked.append(each.url) if "looked" in each.url else None)
    held: list[Any] = []
    page.route("**/api/search?*", lambda each: held.append(each))
    first.click()
    until(lambda: bool(held))
    page.go_back()  # before there is an answer: nobody has looked
    page.unroute("**/api/search?*")
    first.wait_for()
    page.wait_for_timeout(500)
    assert not looked
    with page.expect_response("**/api/saved/looked"):
        first.click()
    page.wait_for_url("**q=red*")
    until(lambda: {"red.png", "rosso.png"} <= set(names(page)[:2]))
    assert page.locator("#where").input_value() == "width > 1"
    page.go_back()
    page.locator("#savedlist a").wait_for()
    until(lambda: page.locator("#savedlist .news").count() == 0)
    page.reload()
    page.locator("#savedlist a").wait_for()
    assert page.locator("#savedlist .news").count() == 0
    page.get_by_role("link", name="Albums").first.click()
    page.get_by_role("button", name="Remove red THINGS").click()
    page.get_by_text("No saved searches yet").wait_for()
    page.get_by_role("link", name="Pixtrieve: search").click()
    page.locator("#gallery .tile").first.wait_for()
    assert page.locator("#saved").is_hidden()


def test_saved_searches_are_counted_one_by_one_and_once(page: Any) -> None:
    page.locator("#gallery .tile").first.wait_for()
    for name in ("red", "green", "blue"):
        page.evaluate("name => fetch(`/api/saved?name=${name}&q=${name}`, {method: 'POST'})", name)
    asked: list[str] = []
    under_way: set[Any] = set()

    def begun(request: Any) -> None:
        if "/api/saved?" in request.url or "/api/saved/answer" in request.url:
            asked.append(request.url)
            under_way.add(request)
            assert len(under_way) == 1

    page.on("request", begun)
    page.on("requestfinished", lambda each: under_way.discard(each))
    page.reload()
    page.locator("#savedlist a").nth(2).wait_for()
    page.wait_for_timeout(500)
    assert len(asked) == 4
    assert "count=false" in asked[0]
    assert all("/answer" in each for each in asked[1:])
    assert not under_way
    ask(page, "red", "red.png")
    page.go_back()
    page.locator("#savedlist a").nth(2).wait_for()
    page.wait_for_timeout(500)
    assert all("count=false" in each for each in asked[4:])
    page.get_by_role("link", name="Albums").first.click()
    page.locator(".searches li").nth(2).wait_for()
    before = len(asked)
    page.reload()
    page.locator(".searches li").nth(2).wait_for()
    page.wait_for_timeout(500)
    assert len(asked) == before + 4


def test_two_quick_clicks_are_one(page: Any) -> None:
    asked: list[tuple[str, str]] = []
    page.on("request", lambda each: asked.append((each.method, each.url)))
    ask(page, "red", "red.png")
    choose(page, "red.png")
    page.get_by_role("button", name="Add to album…").click()
    page.locator("#pickername").fill("Twice")
    page.locator("#pickerlist button", has_text="Create").evaluate(
        "button => { button.click(); button.click(); }"
    )
    page.locator("#toast", has_text="Added 1 picture to “Twice”.").wait_for()
    assert len([one for one in asked if one[0] == "POST" and one[1].endswith("/api/albums")]) == 1
    # Closed and opened at once, for another picture: the first answer comes last.
    choose(page, "green.png")
    held: list[Any] = []
    page.route("**/api/pictures/*/albums", lambda each: held.append(each))
    page.evaluate(
        """() => {
          document.querySelector("#collect").click();
          document.querySelector("#picker").close();
          document.querySelector("#collect").click();
        }"""
    )
    page.wait_for_timeout(500)
    assert len(held) == 2
    held[1].fulfill(json={"albums": [], "favourite": False})
    page.locator("#pickerlist button:enabled", has_text="Twice").wait_for()
    held[0].fulfill(json={"albums": ["Twice"], "favourite": False})
    page.wait_for_timeout(300)
    page.locator("#pickerlist button:enabled", has_text="Twice").click()
    page.locator("#toast", has_text="Added 1 picture to “Twice”.").wait_for()
    page.locator("#chosen").wait_for(state="hidden")  # the second one was answered


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_collections_stand_in_nobody_s_way(page: Any, scheme: str) -> None:
    """What axe finds; and everything fits a telephone."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")

    def look(where: str) -> None:
        for width in (375, 1200):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_timeout(300)
            found = axe.run(page).response["violations"]
            bad = [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in found]
            assert bad == [], where
            assert page.evaluate("document.documentElement.scrollWidth") <= width, where

    ask(page, "red", "red.png")
    page.get_by_role("button", name="Save this search").click()
    look("saving")
    page.keyboard.press("Enter")
    page.locator(".asking").wait_for(state="detached")
    page.set_viewport_size({"width": 1400, "height": 2400})
    add_to_album(page, "Holiday", "red.png", "green.png")
    choose(page, "red.png")
    page.get_by_role("button", name="Add to favourites").click()
    page.get_by_role("button", name="Add to album…").click()
    page.locator("#pickerlist button").first.wait_for()
    look("the list of albums")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear selection").click()
    page.get_by_role("link", name="Pixtrieve: search").click()
    page.locator("#savedlist a").wait_for()
    look("first screen")
    page.get_by_role("link", name="Albums").first.click()
    page.locator(".searches li").wait_for()
    look("albums")
    page.locator(".albums .face").click()
    wait_for_first(page, "red.png")
    look("an album")
    page.locator("#gallery .look").first.click()
    page.locator("#heart[aria-pressed=true]").wait_for()
    look("viewer")
