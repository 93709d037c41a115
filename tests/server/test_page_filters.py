"""The filters as people use them, in a real browser: a chip of each kind, and the sheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.browsing import browser, check, open_filter
from support.fakes import FakeEncoder
from support.waiting import BROWSER_MS, until

from retrieval import Library

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")

PLACES = ((48.85, 2.35), (59.91, 10.75), None)
FOLDERS = ("2021/Paris", "2021/Oslo", "2022")
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
 xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" photoshop:City="Lissabon"
 photoshop:Country="Portugal" xmp:Rating="4"><lr:hierarchicalSubject><rdf:Bag>
 <rdf:li>Travel|Europe</rdf:li></rdf:Bag></lr:hierarchicalSubject><ext:PersonInImage><rdf:Bag>
 <rdf:li>Anna</rdf:li></rdf:Bag></ext:PersonInImage></rdf:Description></rdf:RDF></x:xmpmeta>"""
TRAVEL = "Travel \u203a Europe"
SHAPES = ((60, 40), (40, 60), (120, 40))


@pytest.fixture
def folder(tmp_path: Path, encoder: FakeEncoder) -> str:
    """A library with 36 pictures of two years, three folders, cameras, places and shapes."""
    root = tmp_path / "pictures"
    for number in range(36):
        picture = Image.new("RGB", SHAPES[number % 3], (number * 7, 90, 200 - number))
        exif = Image.Exif()
        exif[0x110] = ("Pixel 7", "EOS R6", "D750")[number // 3 % 3]
        year, month = 2021 + number // 18, 1 + number % 12
        exif.get_ifd(0x8769)[0x9003] = f"{year}:{month:02}:03 12:00:00"
        place = PLACES[number % 3]
        if place:
            exif.get_ifd(0x8825).update({1: "N", 2: (place[0], 0, 0), 3: "E", 4: (place[1], 0, 0)})
        path = root / FOLDERS[number % 3] / f"{number:02}.{'png' if number % 2 else 'jpg'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, exif=exif.tobytes())
    (root / "2022/02.xmp").write_text(XMP)
    (root / "2022/05.xmp").write_text(XMP.replace('Rating="4"', 'Rating="-1"'))
    with Library.create(tmp_path / "library", encoder) as library:
        library.add(root)
        return library.path


def says(page: Any, text: str) -> None:
    """Wait for the number of pictures above the gallery."""
    until(lambda: page.locator("#state").inner_text() == text, text)


def on(page: Any) -> list[str]:
    """Return what the active chips say."""
    return list(page.locator("#chipbar .on .open").all_text_contents())


def test_values_of_each_kind_are_chosen_and_taken_off(page: Any) -> None:
    page.locator("#chipbar [data-filter='camera']").wait_for()
    check(open_filter(page, "camera"), "Pixel 7")
    says(page, "12 pictures")
    check(page.locator("#panel"), "EOS R6")
    says(page, "24 pictures")
    assert on(page) == ["Camera: Pixel 7, EOS R6"]
    check(open_filter(page, "format"), "PNG")
    says(page, "12 pictures")
    check(open_filter(page, "orientation"), "Panorama")
    says(page, "4 pictures")
    page.go_back()
    says(page, "12 pictures")
    page.reload()
    says(page, "12 pictures")
    until(lambda: on(page) == ["Camera: Pixel 7, EOS R6", "Format: PNG"])
    page.get_by_role("button", name="Remove the filter Camera").click()
    says(page, "18 pictures")
    page.get_by_role("button", name="Clear filters").click()
    until(lambda: on(page) == [])
    until(lambda: page.locator("#state").inner_text().startswith("36 pictures"))


def test_people_keywords_ratings_and_places_by_name(page: Any) -> None:
    page.locator("#chipbar [data-filter='place']").wait_for()
    check(open_filter(page, "place"), "France")
    says(page, "12 pictures")
    page.get_by_role("button", name="Clear filters").click()
    check(open_filter(page, "person"), "Anna")
    says(page, "2 pictures")
    check(open_filter(page, "rating"), "★★★★")
    says(page, "1 picture")
    check(open_filter(page, "keyword"), TRAVEL)
    until(lambda: on(page) == ["Person: Anna", f"Keyword: {TRAVEL}", "Rating: ★★★★"])
    page.locator("#gallery li img").first.click()
    facts = page.locator("#facts")
    for text in (TRAVEL, "★★★★", "Lissabon, Portugal", "Anna"):
        facts.get_by_text(text, exact=True).first.wait_for()


def test_folders_are_a_tree(page: Any) -> None:
    page.locator("#chipbar [data-filter='folder']").wait_for()
    folders = open_filter(page, "folder")
    until(lambda: folders.locator(".title").all_inner_texts() == ["pictures", "2021", "2022"])
    assert folders.locator(".number").all_inner_texts() == ["36", "24", "12"]
    folders.get_by_role("button", name="Folders in 2021").click()
    assert folders.locator(".title").all_inner_texts() == [
        "pictures",
        "2021",
        "Oslo",
        "Paris",
        "2022",
    ]
    check(folders, "Oslo")
    says(page, "12 pictures")
    assert on(page) == ["Folder: Oslo"]
    check(folders, "Oslo", "2021")
    says(page, "24 pictures")


def test_a_range_of_dates_is_drawn_over_the_histogram(page: Any) -> None:
    page.locator("#chipbar [data-filter='camera']").wait_for()
    dates = open_filter(page, "date")
    dates.locator(".bars").first.wait_for()
    assert dates.locator(".bar").count() == 24
    box = dates.locator(".bars").bounding_box()
    width = box["width"] / 24
    page.mouse.move(box["x"] + 0.5 * width, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 5.5 * width, box["y"] + 50, steps=3)
    page.mouse.up()
    until(lambda: on(page) == ["Date: January 2021 – June 2021"])
    says(page, "12 pictures")
    assert dates.locator("#date-from").input_value() == "2021-01-01"
    assert dates.locator("#date-until").input_value() == "2021-06-30"
    assert dates.locator(".bar.on").count() == 6
    dates.locator("#date-until").fill("2021-02-03")
    says(page, "4 pictures")
    bar = dates.get_by_role("button", name="March 2022")
    bar.focus()
    page.keyboard.press("Enter")
    until(lambda: on(page) == ["Date: March 2022"])
    bar.press("Enter")  # again: off
    until(lambda: on(page) == [])


def test_places_and_pictures_without_one(page: Any) -> None:
    page.locator("#chipbar [data-filter='gps']").wait_for()
    places = open_filter(page, "gps")
    places.locator("img").nth(1).wait_for()
    assert places.locator(".title").all_inner_texts() == [
        *("With a place", "Without a place", "48.85° N, 2.35° E", "59.91° N, 10.75° E"),
    ]
    check(places, "48.85° N, 2.35° E")
    says(page, "12 pictures")
    check(places, "Without a place")
    says(page, "24 pictures")
    assert on(page) == ["Position: 48.85° N, 2.35° E, Without a place"]


def test_one_popover_is_open_and_escape_leads_back(page: Any) -> None:
    page.locator("#chipbar [data-filter='camera']").wait_for()
    open_filter(page, "camera")
    open_filter(page, "format")
    expanded = "#chipbar [aria-expanded='true']"
    until(lambda: page.locator(expanded).all_inner_texts() == ["Format"])
    page.keyboard.press("Escape")
    page.locator("#panel").wait_for(state="hidden")
    until(lambda: page.locator(expanded).count() == 0)  # the event comes after it is hidden
    until(lambda: page.evaluate("document.activeElement.innerText") == "Format")


@pytest.fixture
def telephone(address: str) -> Iterator[Any]:
    with browser() as chromium:
        context = chromium.new_context(
            viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
        )
        opened = context.new_page()
        opened.set_default_timeout(BROWSER_MS)
        opened.goto(address)
        yield opened
        context.close()


def test_the_sheet_shows_values_that_come_late(telephone: Any) -> None:
    held: list[Any] = []
    telephone.route("**/api/facets", lambda each: held.append(each))
    telephone.reload()
    telephone.locator(".tile").first.wait_for()
    telephone.get_by_role("button", name="Filters").tap()
    camera = telephone.locator("#sheet [data-filter='camera']")
    camera.locator("summary").tap()
    camera.get_by_text("Loading…").wait_for()
    for route in held:
        route.continue_()
    check(camera, "D750")
    until(lambda: camera.locator("summary").inner_text() == "Camera\nD750")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_has_a_sheet(telephone: Any, scheme: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = telephone
    page.emulate_media(color_scheme=scheme)
    page.locator(".tile").first.wait_for()
    page.get_by_role("button", name="Filters").tap()
    sheet = page.locator("#sheet")
    sheet.locator("[data-filter='camera'] summary").tap()
    check(sheet.locator("[data-filter='camera']"), "D750")
    until(lambda: sheet.locator("[data-filter='camera'] summary").inner_text() == "Camera\nD750")
    sheet.locator("[data-filter='date'] summary").tap()
    sheet.locator(".bars").wait_for()
    page.wait_for_timeout(300)
    assert axe.run(page).response["violations"] == []
    box = sheet.bounding_box()
    assert (box["x"], box["width"], round(box["y"] + box["height"])) == (0, 390, 800)
    page.get_by_role("button", name="Show pictures").tap()
    says(page, "12 pictures")
    page.locator("#narrowed", has_text="1").wait_for()
    page.get_by_role("button", name="Remove the filter Camera").tap()
    until(lambda: page.locator("#state").inner_text().startswith("36 pictures"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    views = page.locator(".views").bounding_box()
    assert round(views["y"] + views["height"]) == 800  # where a thumb reaches it
