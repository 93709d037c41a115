"""`pixtrieve album`, `favourite` and `saved`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.command_line import Run
from support.painting import paint

from retrieval.scoring.calibration import Calibration


def facts(run: Run, *arguments: object) -> Any:
    done = run(*map(str, arguments), "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def listed(run: Run, *arguments: object) -> list[str]:
    done = run(*map(str, arguments), "--paths")
    assert done.code == 0, done.err
    return [Path(path).name for path in done.out.splitlines()]


def test_from_a_search_into_an_album(run: Run, indexed: Path) -> None:
    assert run("search", "red", "-k", "4").code == 0
    done = run("album", "add", "Holiday", "1-2", indexed / "deep/blue.png")
    assert "Added 3 pictures to “Holiday”" in done.out
    assert listed(run, "album", "show", "holiday") == ["red.png", "yellow.png", "blue.png"]
    done = run("album", "add", "Holiday", "1")
    assert "(1 were in it)" in done.out
    assert facts(run, "album", "list")["albums"][0]["pictures"] == 3
    found = facts(run, "album", "show", "Holiday")
    assert found["album"]["name"] == "Holiday"
    assert found["where"] == "album = 'Holiday'"
    assert run("album", "show", "Holiday").code == 0
    assert run("album", "move", "Holiday", "3", "--to", "1").code == 0, "numbers of the album"
    assert listed(run, "album", "show", "Holiday")[0] == "blue.png"
    run("album", "show", "Holiday")
    moved = run("album", "move", "Holiday", "1-2", indexed / "deep/blue.png", "--to", "1")
    assert moved.out == "Moved 2 pictures within “Holiday”.\n"
    assert run("album", "remove", "Holiday", "1").code == 0, "numbers after the move"
    assert listed(run, "search", "--where", "album = 'Holiday'") == ["red.png", "yellow.png"]


@pytest.mark.parametrize("wrong", ["9", "3-9", "2-1", "id:99", "nothing.png"])
def test_a_picture_that_is_not_there(run: Run, indexed: Path, wrong: str) -> None:
    run("search", "red")
    done = run("album", "add", "Holiday", "1", wrong)
    assert done.code == 1
    assert "Hint" in done.err
    assert run("album", "list").out.startswith("No albums yet")


def test_what_a_question_finds(run: Run, reds: Path) -> None:
    done = run("album", "add", "Reds", "--query", "red")
    assert "It has 1 picture." in done.out
    assert listed(run, "album", "show", "Reds") == ["red.png"]
    run("album", "add", "Two", "--query", "red", "--min-confidence", "0", "-k", "2")
    assert len(listed(run, "album", "show", "Two")) == 2
    refused = run("album", "add", "None", "id:1", "--query", "red", "--where", "nonsense")
    assert (refused.code, "None" in run("album", "list").out) == (1, False)


def test_everything_that_a_filter_finds(run: Run, indexed: Path) -> None:
    done = run("album", "add", "Deep", "--where", "path in 'deep'")
    assert "It has 2 pictures" in done.out
    page = run("album", "show", "Deep", "--html", "-").out
    assert "blue.png" in page
    assert run("album", "order", "Deep", "date-desc").code == 0
    assert run("album", "cover", "Deep", str(indexed / "deep/blue.png")).code == 0
    assert run("album", "cover", "Deep").code == 0


def test_deleting_and_merging_ask_first(run: Run, indexed: Path) -> None:
    for name in ("A", "B"):
        run("album", "add", name, "--where", "width > 1")
    for command in (("delete", "A"), ("merge", "A", "B")):
        done = run("album", *command)
        assert done.code == 2
        assert "--yes" in done.err
    assert len(facts(run, "album", "list")["albums"]) == 2
    assert run("album", "merge", "A", "b", "--yes").code == 0
    assert run("album", "rename", "B", "Everything").code == 0
    assert run("album", "delete", "everything", "--yes").code == 0
    assert facts(run, "album", "list") == {"albums": []}
    done = run("album", "show", "B")
    assert done.code == 1
    assert "pixtrieve album add" in done.err


def test_absent_pictures_are_named(run: Run, indexed: Path) -> None:
    run("album", "add", "A", indexed / "red.png", indexed / "green.png")
    (indexed / "red.png").unlink()
    run("index")
    done = run("album", "show", "A")
    assert str(indexed / "red.png") in done.err
    assert "1 not there now" in run("album", "list").out
    assert "1 picture" in run("album", "remove", "A", "--absent").out
    assert run("album", "show", "A").err == ""


def test_favourites(run: Run, indexed: Path) -> None:
    run("search", "red")
    assert run("favourite", "add", "1-2").out == "Marked 2 pictures.\n"
    assert listed(run, "search", "red", "--where", "favourite") == ["red.png", "yellow.png"]
    assert facts(run, "search", "red")["hits"][0]["favourite"] is True
    marked = [line for line in run("search", "red").out.splitlines() if "♥" in line]
    assert [line.split("/")[-1] for line in marked] == ["red.png  ♥", "yellow.png  ♥"]
    assert run("favourite", "remove", "1").code == 0
    assert listed(run, "favourite", "list") == ["yellow.png"]
    assert run("favourite", "add").code == 2


def test_usage_errors(run: Run, indexed: Path) -> None:
    for command in (("album", "remove", "A"), ("album", "move", "A", "--to", "1")):
        assert run(*command).code == 2
    assert run("saved", "add", "A").code == 2


@pytest.fixture
def reds(run: Run, pictures: Path, calibrated: Calibration) -> Path:
    for number in range(30):
        paint(pictures / f"grey/{number}.png", (90 + number, 100, 130 - number))
    assert run("index", pictures, "--model", "fast").code == 0
    done = run("saved", "add", "Reds", "red", "--where", "width > 1")
    assert "It finds 1 picture now" in done.out
    return pictures


def test_a_saved_search_tells_what_is_new(run: Run, reds: Path) -> None:
    (saved,) = facts(run, "saved", "list")["saved"]
    assert (saved["name"], saved["new"], saved["where"]) == ("Reds", 0, "width > 1")
    paint(reds / "red 2.png", (255, 3, 0))
    run("index")
    done = run("saved", "list")
    assert "1 new" in done.out
    assert "at least 50%" in done.out
    assert listed(run, "saved", "show", "reds", "--new", "--peek") == ["red 2.png"]
    done = run("saved", "show", "Reds")
    assert "1 picture new since" in done.out
    assert "red.png" in done.out
    assert run("saved", "show", "Reds", "--new").out == "Nothing is new.\n"
    assert run("favourite", "add", "1").code == 1, "an empty list has no numbers"
    assert len(facts(run, "saved", "show", "Reds")["hits"]) == 2


def test_what_could_not_be_shown_stays_new(run: Run, reds: Path, tmp_path: Path) -> None:
    paint(reds / "red 2.png", (255, 3, 0))
    run("index")
    assert run("saved", "show", "Reds", "--html", str(tmp_path / "nowhere/a.html")).code == 1
    assert "1 new" in run("saved", "list").out
    assert run("saved", "show", "Reds", "--html", str(tmp_path / "a.html")).code == 0
    assert "0 new" in run("saved", "list").out


def test_saved_with_examples(run: Run, reds: Path) -> None:
    run("search", "red")
    done = run(
        *("saved", "add", "Like it", "blue", "--image", reds / "red.png", "--not", "green"),
        *("--like", "1", "--min-confidence", "0.1"),
    )
    assert done.code == 0, done.err
    (saved,) = [each for each in facts(run, "saved", "list")["saved"] if each["name"] == "Like it"]
    assert saved["question"].startswith("blue + #")
    assert saved["min_confidence"] == 0.1
    assert run("saved", "add", "like IT", "blue").code == 1
    assert run("saved", "add", "like IT", "blue", "--force").code == 0
    assert run("saved", "rename", "Like it", "Blues").code == 0
    assert run("saved", "remove", "Blues").code == 2
    assert run("saved", "remove", "Blues", "--yes").code == 0
    assert len(facts(run, "saved", "list")["saved"]) == 1


def test_a_search_that_cannot_be_asked_does_not_hide_the_others(run: Run, reds: Path) -> None:
    run("concept", "learn", "warm", "--like", reds / "red.png")
    run("saved", "add", "Warm", 'concept:"warm"')
    run("concept", "forget", "warm")
    done = run("saved", "list")
    assert done.code == 0
    assert "0 new" in done.out
    assert "there is no concept" in done.out


def test_edits_carry_them(run: Run, reds: Path, tmp_path: Path) -> None:
    run("album", "add", "A", reds / "red.png")
    run("favourite", "add", reds / "red.png")
    done = run("edits", "export", tmp_path / "edits.json")
    assert "1 album, 1 favourite, 1 saved search" in done.out
    done = run("edits", "import", tmp_path / "edits.json")
    assert "1 album, 1 favourite, 1 saved search" in done.out
