"""The page in a real browser: Debian's chromium, driven by Playwright; skipped where it is not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from support.browsing import ask, check, choose, drop, open_filter, wait_for_first

from retrieval.scoring.calibration import Calibration

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")


def test_it_answers_while_one_types(page: Any) -> None:
    page.get_by_text("Search with words").wait_for()
    page.locator("#gallery li").nth(5).wait_for()  # the newest pictures
    page.locator("#question").type("red", delay=30)
    wait_for_first(page, "red.png")
    assert "34 pictures searched" in page.locator("#state").inner_text()
    assert page.locator("#progress").is_hidden()
    ask(page, "blue", "blue.png")
    assert page.url.endswith("?q=blue")
    page.reload()
    wait_for_first(page, "blue.png")


def test_a_picture_is_opened_and_leads_on(page: Any) -> None:
    ask(page, "red", "red.png")
    page.locator("#gallery .look").first.click()
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
    ask(page, "red", "red.png")
    page.locator("#gallery .look").nth(1).click()
    assert page.locator("#name").inner_text() == "yellow.png"
    page.get_by_role("button", name="Exclude pictures like this").click()
    wait_for_first(page, "red.png")
    page.locator("#gallery li[aria-posinset='2'] img:not([alt='yellow.png'])").wait_for()
    assert page.locator("#chips li.negative").count() == 1
    page.get_by_role("button", name="excluded; change to included").click()
    assert page.locator("#chips li.negative").count() == 0
    page.get_by_role("button", name="weight 1; change").click()
    page.get_by_role("button", name="weight 2; change").wait_for()
    page.get_by_role("button", name="remove").click()
    assert page.locator("#chips li").count() == 0


def test_an_uploaded_picture_is_a_question(page: Any, pictures: Path) -> None:
    page.locator("#upload").set_input_files(pictures / "red.png")
    wait_for_first(page, "yellow.png")
    assert page.locator("#chips img").get_attribute("alt") == "your picture"


def test_a_dropped_picture_is_a_question(page: Any, pictures: Path) -> None:
    drop(page, pictures / "red.png")
    wait_for_first(page, "yellow.png")
    assert page.locator("#chips img").get_attribute("alt") == "your picture"


def test_mistakes_say_what_to_do(page: Any) -> None:
    page.locator("#question").fill("- red")
    page.locator("#note").get_by_text("dog - people").wait_for()
    ask(page, "red", "red.png")
    assert page.locator("#note").is_hidden()


def test_filters_narrow_and_are_counted(page: Any, pictures: Path) -> None:
    ask(page, "red", "red.png")
    check(open_filter(page, "folder"), "deep")
    wait_for_first(page, "yellow.png")
    assert page.locator("#gallery .tile").count() == 2
    assert page.locator("#chipbar .on .open").all_text_contents() == ["Folder: deep"]
    page.keyboard.press("Escape")
    open_filter(page, "more").locator("#where").fill("name ~ 'blue'")
    wait_for_first(page, "blue.png")
    assert page.locator("#chipbar .on").count() == 2
    page.locator("#where").fill("name ~ ")
    page.locator("#note.filter", has_text="^").wait_for()
    page.get_by_role("button", name="Clear filters").click()
    wait_for_first(page, "red.png")
    assert page.locator("#chipbar .on").count() == 0


def test_the_slider_leaves_only_what_is_sure(calibrated: Calibration, page: Any) -> None:
    ask(page, "red", "red.png")
    before = int(page.locator("#gallery li").first.get_attribute("aria-setsize"))
    page.locator("#confidence").fill("95")
    page.wait_for_function(
        "n => Number(document.querySelector('#gallery li')?.getAttribute('aria-setsize') ?? 0) < n",
        arg=before,
    )


def test_chosen_pictures_are_taken_away(page: Any, tmp_path: Path) -> None:
    ask(page, "red", "red.png")
    choose(page, "red.png", "yellow.png")
    assert page.locator("#count").inner_text() == "2 selected"
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download", exact=True).first.click()
    waited.value.save_as(tmp_path / "taken.zip")
    with ZipFile(tmp_path / "taken.zip") as archive:
        assert archive.namelist() == ["red.png", "yellow.png"]
    with page.expect_download() as waited:
        page.locator("#list").select_option("txt")
    assert waited.value.suggested_filename == "pixtrieve-2.txt"
    page.get_by_role("button", name="Clear selection").click()
    assert page.locator("#chosen").is_hidden()


def test_the_keyboard_is_enough(page: Any) -> None:
    ask(page, "red", "red.png")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+X")
    assert page.locator("#count").inner_text() == "3 selected"
    page.keyboard.press("Escape")
    assert page.locator("#chosen").is_hidden()
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.closest('li').ariaPosInSet") == "34"
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    assert page.locator("#name").inner_text() == "red.png"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.closest('li').ariaPosInSet") == "1"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "question"


def test_likes_refine_and_become_a_concept(page: Any) -> None:
    ask(page, "red", "red.png")
    choose(page, "red.png")
    page.get_by_role("button", name="More like these").click()
    page.get_by_text("1 liked").wait_for()
    choose(page, "yellow.png")
    page.get_by_role("button", name="Fewer like these").click()
    page.get_by_text("1 disliked").wait_for()
    choose(page, "red.png")
    page.get_by_role("button", name="Teach a concept").click()
    assert "1 picture that shows it and 1 that does not" in page.locator("#examples").inner_text()
    page.get_by_role("button", name="Teach", exact=True).click()
    page.get_by_text("Enter a name.").wait_for()
    page.locator("#conceptname").fill('my "red"')
    page.keyboard.press("Enter")
    page.locator("#chips span", has_text='my "red"').wait_for()
    wait_for_first(page, "red.png")
    page.get_by_role("link", name="Library").click()
    page.get_by_role("link", name='my "red"', exact=True).wait_for()
    page.get_by_role("button", name='Forget my "red"').click()
    page.get_by_role("button", name="Forget", exact=True).click()
    page.get_by_text("None yet.").wait_for()


def test_new_pictures_are_indexed_from_the_page(page: Any, pictures: Path) -> None:
    from support.painting import paint

    page.get_by_text("Search with words").wait_for()
    paint(pictures / "white.png", "white")
    page.get_by_role("link", name="Library").click()
    page.get_by_role("button", name="Look for new pictures").click()
    page.get_by_text("Indexed 1 new picture").wait_for()
    ask(page, "white", "white.png")
    assert page.locator("#library").is_hidden()


def test_problems_are_listed(page: Any, pictures: Path) -> None:
    (pictures / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    page.get_by_role("link", name="Library").click()
    page.get_by_text("No problems").wait_for()
    page.get_by_role("button", name="Look for new pictures").click()
    page.get_by_role("heading", name="1 file could not be indexed").wait_for()
    page.locator("#problems summary").click()
    page.locator("#problems", has_text="broken.jpg").wait_for()


def test_duplicates_are_reviewed(page: Any, pictures: Path) -> None:
    shutil.copy(pictures / "red.png", pictures / "again red.png")
    page.get_by_role("link", name="Library").click()
    page.get_by_role("button", name="Look for new pictures").click()
    page.get_by_text("There are no new pictures").wait_for()
    page.get_by_role("link", name="Duplicates").click()
    red = page.get_by_role("region", name="Group of red.png")
    red.get_by_text("same bytes").wait_for()
    red.get_by_role("button", name="View again red.png").click()
    page.locator("#viewer[open]").wait_for()
    page.keyboard.press("Escape")
    red.get_by_role("button", name="Keep all").click()
    red.wait_for(state="detached")
    page.get_by_text("--move-to FOLDER").wait_for()
    page.reload()
    page.get_by_role("button", name="Search again").wait_for()
    assert red.count() == 0


def test_it_fits_a_telephone(page: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    ask(page, "red", "red.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.get_by_role("button", name="Filters").click()
    page.locator("#sheet[open]").wait_for()
    assert page.evaluate("document.querySelector('#sheet').scrollWidth") <= 375
    page.get_by_role("button", name="Show pictures").click()
    page.locator("#gallery .look").first.click()
    assert page.evaluate("document.querySelector('#viewer').scrollWidth") <= 375
    page.locator("#close").click()
    for view in ("Duplicates", "Library", "Map"):
        page.get_by_role("link", name=view).click()
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_anyone_s_way(page: Any, scheme: str) -> None:
    """What axe finds, in each view, with everything open."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.emulate_media(color_scheme=scheme)

    def look(where: str) -> None:
        page.wait_for_timeout(400)
        found = axe.run(page).response["violations"]
        bad = [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in found]
        assert bad == [], where

    page.locator("#gallery li").first.wait_for()
    look("welcome")
    ask(page, "red", "red.png")
    open_filter(page, "date")
    look("a filter")
    page.keyboard.press("Escape")
    choose(page, "red.png")
    look("answers")
    page.get_by_role("button", name="Teach a concept").click()
    look("concept")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear selection").click()
    page.locator("#gallery .look").first.click()
    look("viewer")
    page.keyboard.press("Escape")
    for view in ("Duplicates", "Library", "Map"):
        page.get_by_role("link", name=view).click()
        look(view)


def test_the_api_has_a_reference_to_read(page: Any, address: str) -> None:
    page.goto(f"{address}/api")
    page.get_by_role("heading", name="GET /api/search").wait_for()
    assert page.locator("#operations section").count() > 20
    page.get_by_text("the query, as in the search box").first.wait_for()
    assert "`" not in page.locator("#operations").inner_text()


def test_fields_become_filters_and_facts(page: Any) -> None:
    page.locator("#gallery .tile").first.wait_for()
    page.locator("#chipbar [data-filter='camera']").wait_for(state="detached")  # nothing has one
    page.locator("#chipbar [data-filter='folder']").wait_for()
    dates = open_filter(page, "date")
    dates.locator("#date-until").fill("2000-01-01")
    page.get_by_text("No picture fits these filters").wait_for()
    dates.locator("#date-until").fill("")
    dates.locator("#date-from").fill("2000-01-01")
    page.locator("#gallery .tile").first.wait_for()
    page.keyboard.press("Escape")
    page.locator("#chipbar .on", has_text="From 1 January 2000").wait_for()
    page.locator("#gallery .look").first.click()
    facts = page.locator("#facts", has_text="(when the file was modified)")
    facts.wait_for()
    assert "Camera" not in facts.inner_text()
