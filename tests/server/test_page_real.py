"""The page over real photographs (PIXTRIEVE_DATA) with the built-in model, as a person uses it.

Screenshots go to PIXTRIEVE_SCREENSHOTS, or to the test's own folder: they are to be looked at.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.browsing import drop, open_filter

from retrieval import Library

pytest.importorskip("playwright.sync_api")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.slow

FIRST = 100


@pytest.fixture
def photographs(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "flickr8k-dev" / "images").iterdir())


@pytest.fixture
def folder(tmp_path: Path, photographs: list[Path]) -> str:
    """A library with the built-in model and the first hundred photographs."""
    root = tmp_path / "photographs"
    root.mkdir()
    for path in photographs[:FIRST]:
        shutil.copy(path, root)
    with Library.create(tmp_path / "library", "pocket") as library:
        library.add(root)
        return library.path


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    found = Path(os.environ.get("PIXTRIEVE_SCREENSHOTS", tmp_path / "screenshots"))
    found.mkdir(parents=True, exist_ok=True)
    return found


def find(page: Any, text: str) -> None:
    """Ask, and wait until the answer stands there."""
    page.evaluate("document.querySelectorAll('#gallery li').forEach((li) => li.dataset.old = '1')")
    page.locator("#question").fill(text)
    page.locator("#gallery .tile:not([data-old])").first.wait_for()
    page.wait_for_timeout(300)


def test_an_afternoon_with_photographs(
    page: Any, shots: Path, tmp_path: Path, photographs: list[Path]
) -> None:
    root = tmp_path / "photographs"
    for path in photographs[FIRST:]:
        shutil.copy(path, root)
    with Image.open(photographs[3]) as smaller:
        smaller.resize((150, 150)).save(root / "smaller.jpg", quality=70)

    page.get_by_role("link", name="Library").click()
    page.get_by_role("button", name="Look for new pictures").click()
    page.locator("#progress").wait_for()
    page.get_by_text("new files").first.wait_for()
    page.screenshot(path=shots / "indexing.png")
    page.get_by_text("Indexed 901 new pictures").wait_for()

    find(page, "a dog running in the snow")
    page.locator("#state", has_text="1,001 pictures searched").wait_for()
    page.screenshot(path=shots / "answers.png")
    page.locator("#gallery .look").first.click()
    page.wait_for_timeout(500)
    page.screenshot(path=shots / "viewer.png")
    page.get_by_role("button", name="More like this").click()
    page.locator("#chips img").wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=shots / "more-like-this.png")

    page.get_by_role("button", name="remove").click()
    drop(page, photographs[5])
    page.get_by_alt_text("your picture").wait_for()
    find(page, "people on a beach")
    open_filter(page, "more").locator("#where").fill("width < 200 or width = 224")
    page.wait_for_timeout(1000)
    page.screenshot(path=shots / "picture-words-and-filter.png")
    page.get_by_role("button", name="Clear filters").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="remove your picture").click()

    find(page, "a child on a swing")
    for place in range(4):
        page.locator("#gallery .choose").nth(place).click()
    page.screenshot(path=shots / "chosen.png")
    page.get_by_role("button", name="More like these").click()
    page.get_by_text("4 liked").wait_for()
    page.wait_for_timeout(500)
    page.locator("#gallery .choose").nth(0).click()
    page.get_by_role("button", name="Teach a concept").click()
    page.locator("#conceptname").fill("swinging")
    page.screenshot(path=shots / "concept.png")
    page.keyboard.press("Enter")
    page.locator("#chips span", has_text="swinging").wait_for()
    page.get_by_text("Learned “swinging”").wait_for()

    page.get_by_role("link", name="Duplicates").click()
    page.get_by_role("region", name=f"Group of {photographs[3].name}").wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=shots / "duplicates.png")
    page.get_by_role("link", name="Map").click()
    page.locator("#map canvas").first.wait_for()
    page.wait_for_timeout(6000)
    page.screenshot(path=shots / "map.png")

    page.set_viewport_size({"width": 390, "height": 800})
    page.emulate_media(color_scheme="dark")
    page.get_by_role("link", name="Search", exact=True).click()
    page.get_by_role("button", name="remove", exact=True).click()
    find(page, "two people at night")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=shots / "telephone.png")
