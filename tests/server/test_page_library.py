"""The Library view and the review of duplicates, as people use them, in a real browser."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import until

from retrieval import Library
from retrieval.indexing.progress import Progress, Tally
from retrieval.indexing.run_note import noted, noted_task

pytestmark = pytest.mark.slow
pytest.importorskip("playwright.sync_api")


@pytest.fixture
def aside(tmp_path: Path) -> Path:
    """Where redundant files go."""
    return tmp_path / "aside"


@pytest.fixture
def address(folder: str, aside: Path) -> Iterator[str]:
    """A server whose owner may do everything, on this machine."""
    pytest.importorskip("uvicorn")
    from support.serving import free_port, served

    from retrieval.server.app import create_app
    from retrieval.server.guard import Rules
    from retrieval.server.permission import Permission

    port = free_port()
    rules = Rules(frozenset({f"127.0.0.1:{port}"}))
    app = create_app(folder, "auto", rules, str(aside), None, Permission(own_machine=True))
    with served(app, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def trouble(folder: str, encoder: FakeEncoder, pictures: Path) -> Path:
    """A library with four files that cannot be used, for three reasons."""
    for name in ("one", "two"):
        (pictures / f"{name}.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (pictures / "empty.png").write_bytes(b"")
    (pictures / "layers.psd").write_bytes(b"x")
    with Library.open(folder, encoder) as library:
        library.add(pictures)
    return pictures


@pytest.fixture
def doubled(folder: str, encoder: FakeEncoder, pictures: Path) -> Path:
    """A picture in three versions, and another one with a copy."""
    with Image.open(pictures / "red.png") as red:
        large = red.convert("RGB").resize((640, 480))
    for x in range(0, 640, 40):
        large.paste((x % 256, 90, 200), (x, 0, x + 20, 240))
    large.save(pictures / "stripes.png")
    large.resize((320, 240)).save(pictures / "stripes small.jpg", quality=80)
    shutil.copy(pictures / "stripes.png", pictures / "stripes again.png")
    shutil.copy(pictures / "green.png", pictures / "green again.png")
    with Library.open(folder, encoder) as library:
        library.add(pictures)
    return pictures


def wide_ranging(page: Any, *, where: str) -> None:
    """What axe finds, in both schemes, and whether everything fits a telephone."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in (390, 1200):
            page.set_viewport_size({"width": width, "height": 844})
            page.wait_for_timeout(200)
            found = axe.run(page).response["violations"]
            bad = [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in found]
            assert bad == [], where
            assert page.evaluate("document.documentElement.scrollWidth") <= width, where


def test_problems_stand_in_groups_and_are_tried_again(page: Any, trouble: Path) -> None:
    page.get_by_role("link", name="Library").click()
    page.get_by_role("heading", name="4 files could not be indexed").wait_for()
    page.locator(".folders", has_text="4 files could not be indexed").wait_for()
    assert page.locator("#library dd").nth(1).inner_text() == "4"
    damaged = page.locator(".reasons details", has_text="2 files")
    damaged.locator("summary").click()
    page.wait_for_url("**reason=*#library")
    damaged.get_by_text("two.jpg").wait_for()
    page.reload()
    damaged.get_by_text("two.jpg").wait_for()
    page.go_back()
    until(lambda: page.locator(".reasons details[open]").count() == 0)
    page.go_forward()
    damaged.get_by_text("one.jpg").wait_for()

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    damaged.get_by_role("button", name="Copy all 2 paths").click()
    page.get_by_text("Copied 2 paths").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines() == [str(trouble / "one.jpg"), str(trouble / "two.jpg")]
    damaged.get_by_role("button", name="Copy the path of one.jpg").click()
    until(lambda: page.evaluate("navigator.clipboard.readText()") == str(trouble / "one.jpg"))
    wide_ranging(page, where="problems")

    damaged.get_by_role("button", name="Try again").click()
    page.get_by_text("2 files still could not be indexed").wait_for()
    paint(trouble / "two.jpg", "white")
    damaged.get_by_role("button", name="Try again").click()
    page.get_by_text("Indexed 1 new picture").wait_for()
    page.get_by_role("heading", name="3 files could not be indexed").wait_for()
    page.get_by_role("button", name="Try all again").click()
    page.get_by_text("3 files still could not be indexed").wait_for()


def test_folders_are_added_rescanned_and_removed(page: Any, pictures: Path, tmp_path: Path) -> None:
    more = tmp_path / "more pictures"
    for name in ("white", "dark"):
        paint(more / f"{name}.png", "white" if name == "white" else (9, 9, 9))
    page.get_by_role("link", name="Library").click()
    page.locator(".folders li", has_text="34 pictures · looked through just now").wait_for()
    field, about = page.locator("#folderpath"), page.locator("#folderabout")
    field.fill(str(tmp_path / "nothing"))
    about.get_by_text(f"{tmp_path / 'nothing'} does not exist").wait_for()
    page.keyboard.press("Enter")
    about.get_by_text("does not exist").wait_for()
    assert page.locator(".folders li").count() == 1
    field.fill(str(pictures))
    about.get_by_text("is in the library already").wait_for()
    field.fill(str(tmp_path / "mor"))
    page.locator(f"#foldernames option[value='{more}']").wait_for(state="attached")
    field.fill(str(more))
    about.get_by_text(f"Adds {more} with everything in it").wait_for()
    page.get_by_role("button", name="Add folder").click()
    page.get_by_text("Indexed 2 new pictures").wait_for()
    added = page.locator(".folders li", has_text="more pictures")
    added.get_by_text("2 pictures · looked through just now").wait_for()

    paint(more / "grey.png", (77, 77, 80))
    page.get_by_role("button", name="Rescan more pictures").click()
    page.get_by_text("Indexed 1 new picture.").wait_for()
    added.get_by_text("3 pictures").wait_for()
    wide_ranging(page, where="folders")
    more.rename(tmp_path / "unplugged")
    page.reload()
    added.get_by_text("Not there now").wait_for()
    page.get_by_role("button", name="Remove more pictures").click()
    page.get_by_text("Its 3 pictures leave the library").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Remove more pictures").click()
    page.get_by_role("button", name="Remove folder").click()
    page.get_by_text("Removed 3 files from the library").wait_for()
    added.wait_for(state="detached")
    assert (tmp_path / "unplugged/grey.png").exists()


def test_a_run_of_another_process_is_shown(page: Any, folder: str) -> None:
    begun = Progress("encode", "/photos", Tally(found=50, pending=40, handled=10, encoded=10), 2.0)
    over = Progress("done", "/photos", Tally(found=50, pending=40, handled=40, encoded=40), 9.0)
    page.get_by_role("link", name="Library").click()
    page.get_by_text("Last run just now").wait_for()
    steps = noted(folder, iter([begun, over]))
    next(steps)
    page.locator(".run", has_text="10 of 40 new or changed files").wait_for()
    page.locator(".run", has_text="Started elsewhere").wait_for()
    assert page.get_by_role("button", name="Stop").is_hidden()
    assert page.get_by_role("button", name="Look for new pictures").is_disabled()
    wide_ranging(page, where="a run")
    page.reload()
    page.locator(".run", has_text="10 of 40").wait_for()
    list(steps)
    page.get_by_text("Indexed 40 new pictures").wait_for()
    page.locator(".run").wait_for(state="hidden")
    page.get_by_text("Last run just now: 40 new pictures").wait_for()


def test_reading_texts_is_shown_as_a_run(page: Any, folder: str) -> None:
    page.get_by_role("link", name="Library").click()
    page.get_by_text("Last run just now").wait_for()
    with noted_task(folder, "ocr", threading.Event()) as show:
        show(10, 40)
        page.locator(".run", has_text="Reading the text in pictures: 10 of 40 pictures").wait_for()
        page.locator(".run", has_text="Started elsewhere").wait_for()
        show(40, 40)
    page.locator("#toast", has_text="Read the text in 40 pictures.").wait_for()
    page.get_by_text("Last run just now: read the text in 40 pictures").wait_for()
    page.locator(".run").wait_for(state="hidden")


def test_a_run_of_the_page_is_stopped(
    page: Any, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from support.fake_program import slow_program

    from retrieval.server import index_process

    monkeypatch.setattr(index_process, "PROGRAM", slow_program(0.5))
    for number in range(200):
        paint(pictures / f"new/{number:03}.png", (number, 250 - number, 30))
    page.get_by_role("link", name="Library").click()
    page.get_by_role("button", name="Look for new pictures").click()
    page.locator(".run", has_text="of 200 new or changed files").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Finished work is saved").wait_for()
    page.get_by_text("stopped early").wait_for()
    monkeypatch.undo()


def test_labels_and_concepts_lead_to_their_pictures(
    page: Any, folder: str, encoder: FakeEncoder
) -> None:
    with Library.open(folder, encoder) as library:
        library.tags.label(["red", "blue"], 0.01)
        red = library.search("red", 1).hits[0].id
        library.concepts.learn("my red", [red])
        counts = {tag.label: tag.images for tag in library.tags.all()}
    page.get_by_role("link", name="Library").click()
    label = page.locator(".tags li", has_text="red")
    assert label.locator(".count").inner_text() == str(counts["red"])
    label.locator("a").click()
    page.wait_for_url("**filter.tag=red")
    page.locator("#gallery .tile").first.wait_for()
    page.go_back()
    page.get_by_role("link", name="my red").click()
    page.locator("#chips li", has_text="my red").wait_for()
    page.go_back()
    wide_ranging(page, where="labels")
    page.get_by_role("button", name="Remove the label blue").click()
    page.get_by_role("button", name="Remove label", exact=True).click()
    page.get_by_text("Removed the label “blue”").wait_for()
    until(lambda: page.locator(".tags li").count() == 1)
    page.get_by_role("button", name="Rename my red").click()
    page.get_by_role("textbox", name="Name").fill("warm")
    page.get_by_role("button", name="Rename", exact=True).click()
    page.get_by_role("link", name="warm", exact=True).click()
    page.locator("#chips li", has_text="warm").wait_for()
    page.go_back()
    page.get_by_role("button", name="Forget warm").click()
    page.get_by_role("button", name="Forget", exact=True).click()
    page.get_by_text("None yet.").wait_for()


def test_duplicates_are_compared_and_moved_by_keyboard(
    page: Any, doubled: Path, aside: Path
) -> None:
    page.get_by_role("link", name="Duplicates").click()
    stripes = page.get_by_role("region", name="Group of stripes")
    stripes.get_by_role("link", name="Compare").click()
    page.wait_for_url("**review=*#duplicates")
    panes = page.locator(".pane")
    panes.nth(2).wait_for()
    small = page.locator(".pane", has_text="stripes small.jpg")
    assert small.locator(".differs").count() >= 3
    first = page.url
    page.go_back()
    stripes.wait_for()
    page.go_forward()
    panes.nth(2).wait_for()

    page.wait_for_function(
        "[...document.querySelectorAll('.lens img')].every((image) => image.naturalWidth)"
    )
    page.keyboard.press("z")
    page.wait_for_url("**lens=*")
    page.keyboard.press("Shift+ArrowRight")
    transforms = "[...document.querySelectorAll('.lens img')].map((image) => image.style.transform)"
    assert len(set(page.evaluate(transforms))) == 1  # in step
    assert "scale" in page.evaluate(transforms)[0]
    page.wait_for_timeout(500)
    seen = page.evaluate(transforms)
    page.reload()
    until(lambda: page.evaluate(transforms) == seen)
    page.keyboard.press("z")
    until(lambda: "lens=" not in page.evaluate("location.href"))

    number = int(small.get_attribute("data-number"))
    page.keyboard.press(str(number))
    page.wait_for_url(f"**stay={number}#duplicates")
    page.reload()
    page.locator(f".pane.stays[data-number='{number}']").wait_for()
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys").wait_for()
    wide_ranging(page, where="keys")
    page.keyboard.press("Escape")
    wide_ranging(page, where="review")
    page.keyboard.press("m")
    page.get_by_text("Moved 2 files").wait_for()
    assert (doubled / "stripes small.jpg").exists()
    assert not (doubled / "stripes.png").exists()
    assert len([path for path in aside.rglob("*") if path.is_file()]) == 2
    page.keyboard.press("u")
    page.get_by_text("Moved 2 files back").wait_for()
    panes.nth(2).wait_for()
    assert (doubled / "stripes.png").exists()
    page.wait_for_url(first)
    page.keyboard.press("ArrowRight")
    page.wait_for_function("url => location.href !== url", arg=first)
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(first)
    panes.nth(2).wait_for()
    page.keyboard.press("k")
    page.get_by_text("Kept all files").wait_for()
    page.wait_for_function("url => location.href !== url", arg=first)
    page.keyboard.press("u")
    page.get_by_text("The group is listed again").wait_for()
    page.wait_for_url(first)
    panes.nth(2).wait_for()
    page.keyboard.press("k")
    page.get_by_text("Kept all files").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Search again").wait_for()
    assert stripes.count() == 0
    green = page.get_by_role("region", name="Group of green")
    green.get_by_role("button", name="Keep all").click()
    green.wait_for(state="detached")
    wide_ranging(page, where="kept")
    page.get_by_role("button", name="Undo", exact=True).click()
    green.wait_for()
