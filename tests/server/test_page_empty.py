"""What the page says where there is nothing to show, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.browsing import ask, open_filter
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder without pictures."""
    made = tmp_path / "pictures"
    made.mkdir()
    return made


@pytest.fixture
def folder(tmp_path: Path, encoder: FakeEncoder, pictures: Path) -> str:
    """The folder of a library that knows the folder, and no pictures."""
    with Library.create(tmp_path / "library", encoder) as library:
        library.add(pictures)
        return library.path


def test_each_empty_answer_says_what_is_true_and_what_to_do(page: Any, pictures: Path) -> None:
    note = page.locator("#note")
    note.get_by_text(str(pictures)).wait_for()
    page.locator("#question").fill("red")
    page.wait_for_url("**q=red")
    note.get_by_text(str(pictures)).wait_for()  # other words or filters would not help
    paint(pictures / "red.png", "red")
    page.get_by_role("link", name="Library").click()
    page.get_by_role("button", name="Look for new pictures").click()
    page.get_by_text("Indexed 1 new picture").wait_for()
    page.go_back()
    ask(page, "red", "red.png")
    assert note.is_hidden()
    open_filter(page, "more").locator("#where").fill("width > 99999")
    note.get_by_text("filters").first.wait_for()
    note.get_by_role("button", name="Clear all filters").click()
    page.locator("#gallery li").first.wait_for()
    assert note.is_hidden()
    assert page.locator("#where").input_value() == ""
