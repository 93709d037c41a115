"""How sure an answer is, on every surface: terminal, JSON, contact sheet, page, assistant."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("fastapi")
from support.api_client import Client
from support.browsing import ask, open_filter, wait_for_first

from retrieval.commands import pixtrieve
from retrieval.scoring.calibration import Calibration

NOTHING = "No strong matches: these are only the nearest."
UNKNOWN = "The model does not know “qwzx”: only names and texts that come with pictures can answer."
UNSIFTED = "This library has no confidences to filter by, so nothing was left out."

Search = Callable[..., Result]


def wait_for_note(page: Any, text: str) -> None:
    page.wait_for_function(
        "text => document.querySelector('#quiet').textContent === text", arg=text
    )


@pytest.fixture(autouse=True)
def strange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words with a q are such that no model has ever seen."""
    monkeypatch.setattr(
        "retrieval.search.query_vectors.unknown_words",
        lambda text, _: tuple(word for word in text.split() if "q" in word),
    )


@pytest.fixture
def search(folder: str) -> Search:
    def run(*arguments: str) -> Result:
        command = ["search", *arguments, "--library", folder, "--in", "pictures"]
        done = CliRunner().invoke(pixtrieve, command)
        assert done.exit_code == 0, done.output
        return done

    return run


def test_the_terminal_shows_probabilities(search: Search, calibrated: Calibration) -> None:
    done = search("red")
    header, first, *others = done.stdout.splitlines()
    assert "sure" in header
    assert " 98% " in first
    assert " 2% " in others[-1]
    assert done.stderr == ""
    assert search("red", "--min-confidence", "0.9").stdout.splitlines() == [header, first]


def test_the_terminal_shows_words_where_there_are_no_probabilities(search: Search) -> None:
    done = search("red")
    assert "%" not in done.stdout
    assert " strong " in done.stdout.splitlines()[1]
    assert done.stderr == ""
    assert search("red", "--min-confidence", "0.9").stderr == UNSIFTED + "\n"


def test_notes_go_to_standard_error_whatever_is_printed(
    search: Search, calibrated: Calibration
) -> None:
    for how in ((), ("--paths",), ("--json",), ("--html", "-")):
        done = search("nothing at all", *how)
        assert done.stderr == NOTHING + "\n"
        assert NOTHING not in done.stdout or how in (("--json",), ("--html", "-"))
        assert search("red qwzx", *how).stderr == UNKNOWN + "\n"
    assert "%" not in search("red qwzx").stdout


def test_json_has_fields_and_sentences(
    search: Search, client: Client, calibrated: Calibration
) -> None:
    api = client()

    def both(question: str) -> list[dict[str, Any]]:
        query = {"q": question, "look_in": "pictures"}
        asked = api.get("/api/search", params=query).json()
        return [json.loads(search(question, "--json").stdout), asked]

    for found in both("nothing at all"):
        assert (found["strong"], found["unknown"], found["notes"]) == (False, [], [NOTHING])
        assert len(found["hits"]) >= 10
        assert {hit["match"] for hit in found["hits"]} == {"weak"}
    for found in both("red qwzx"):
        assert (found["strong"], found["unknown"], found["notes"]) == (None, ["qwzx"], [UNKNOWN])
        assert {(hit["confidence"], hit["match"]) for hit in found["hits"]} == {(None, None)}
    for found in both("red"):
        assert (found["strong"], found["unknown"], found["notes"]) == (True, [], [])
        assert found["hits"][0]["match"] == "strong"


def test_the_contact_sheet_says_it_too(
    search: Search, calibrated: Calibration, tmp_path: Path
) -> None:
    search("nothing at all", "--html", str(tmp_path / "sheet.html"))
    assert NOTHING in (tmp_path / "sheet.html").read_text("utf-8")
    search("red", "--html", str(tmp_path / "sheet.html"))
    page = (tmp_path / "sheet.html").read_text("utf-8")
    assert "98% sure" in page
    assert NOTHING not in page


def test_assistants_get_notes_and_a_match(folder: str, calibrated: Calibration) -> None:
    pytest.importorskip("mcp")
    from retrieval.server.library_thread import LibraryThread
    from retrieval.server.mcp.arguments import SearchImages
    from retrieval.server.mcp.tools import McpTools

    thread = LibraryThread(folder, "auto", lazy=True)
    tools = McpTools(thread, folder, files=False)

    def facts(query: str) -> Any:
        asked = SearchImages.model_validate({"query": query, "look_in": "pictures", "images": 0})
        return asyncio.run(tools.search(asked)).facts

    weak, strange, sure = facts("nothing at all"), facts("red qwzx"), facts("red")
    assert (weak.strong, weak.notes) == (False, [NOTHING])
    assert (strange.unknown, strange.notes) == (["qwzx"], [UNKNOWN])
    assert strange.hits[0].confidence is None
    assert (sure.strong, sure.notes, sure.hits[0].match) == (True, [], "strong")
    assert sure.hits[0].confidence == pytest.approx(0.98, abs=0.01)
    thread.close()


@pytest.mark.slow
def test_the_page_says_it_quietly_and_shows_the_pictures(
    calibrated: Calibration, page: Any
) -> None:
    open_filter(page, "more").locator("#look").select_option("pictures")
    page.keyboard.press("Escape")
    ask(page, "red", "red.png")
    quiet = page.locator("#quiet")
    assert quiet.is_hidden()
    assert page.locator("#gallery .sure").first.inner_text() == "98%"
    page.locator("#question").fill("nothing at all")
    wait_for_note(page, NOTHING)
    assert page.locator("#gallery .tile").count() > 5
    assert page.locator("#note").is_hidden()
    page.locator("#question").fill("red qwzx")
    wait_for_note(page, UNKNOWN)
    assert page.locator("#gallery .sure").count() == 0
    assert page.locator("#confidence").is_disabled()
    ask(page, "blue", "blue.png")
    page.wait_for_function("() => !document.querySelector('#confidence').disabled")
    page.locator("#gallery .look").first.click()
    assert "% sure" in page.locator("#details").text_content()


@pytest.mark.slow
def test_the_page_shows_words_where_there_are_no_probabilities(page: Any) -> None:
    page.locator("#question").fill("red")
    wait_for_first(page, "red.png")
    assert page.locator("#gallery .sure").first.inner_text() == "strong"
    page.locator("#gallery .look").first.click()
    assert "strong match" in page.locator("#details").text_content()
