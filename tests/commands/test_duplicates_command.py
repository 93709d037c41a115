"""`pixtrieve duplicates`, in this process; no model is needed for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.fakes import FakeEncoder
from support.patterns import pattern, save

from retrieval import Library
from retrieval.commands import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    for number in range(3):
        save(pattern(number), folder / f"{number}.png")
    shutil.copy(folder / "0.png", folder / "copy.png")
    save(pattern(1).resize((60, 40)), folder / "small.png")
    with Library.create(tmp_path / "library", FakeEncoder()) as library:
        library.add(folder)
    return folder


@pytest.fixture
def run(tmp_path: Path, album: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def duplicates(*arguments: str | Path) -> tuple[int, str, str]:
        words = ["duplicates", "--library", str(tmp_path / "library"), *map(str, arguments)]
        with pytest.raises(SystemExit) as ended:
            main(words)
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return duplicates


def ids(run: Run, *options: str) -> list[str]:
    found = json.loads(run("--json", *options)[1])
    return [str(each["id"]) for each in found["groups"]]


def test_groups_are_listed(run: Run, album: Path) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    assert "2 groups with 2 redundant files (1 exact, 1 near)" in out
    assert f"{album / 'small.png'}" in out
    assert "fewer pixels" in out
    assert "copy.png" not in run("--near")[1]
    assert "small.png" not in run("--exact")[1]


def test_json_has_what_is_kept_and_why(run: Run, album: Path) -> None:
    found = json.loads(run("--near", "--json")[1])
    (group,) = found["groups"]
    assert found["pictures"] == 4
    assert group["kept"]["path"] == str(album / "1.png")
    (small,) = group["redundant"]
    assert (small["reason"], small["exact"]) == ("pixels", False)
    assert 0.92 <= small["likeness"] <= 1


def test_the_page_shows_them_side_by_side(run: Run, tmp_path: Path) -> None:
    assert run("--html", tmp_path / "page.html")[0] == 0
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.count("<section>") == 3
    assert page.count("data:image/webp") == 4
    assert page.count("Kept") == 2
    assert run("--html", "-")[1].startswith("<!doctype html>")


def test_groups_are_put_away(run: Run) -> None:
    first, second = ids(run)
    assert "1 group" in run("--keep-all", first)[1]
    assert ids(run) == [second]
    assert sorted(ids(run, "--show-kept")) == sorted([first, second])


def test_moving_asks_or_wants_yes(
    run: Run, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = tmp_path / "aside"
    code, _, err = run("--move-to", aside)
    assert (code, aside.exists()) == (2, False)
    assert "--yes" in err
    asked: list[str] = []
    monkeypatch.setattr("retrieval.commands.duplicates.is_interactive", lambda: True)
    monkeypatch.setattr("click.confirm", lambda text, **_: asked.append(text))
    assert "Moved 2 files" in run("--move-to", aside)[1]
    assert len(asked) == 1
    assert sorted(path.name for path in aside.rglob("*.png")) == ["copy.png", "small.png"]
    assert "No duplicates" in run()[1]
    assert "nothing to move" in run("--move-to", aside)[1]
    assert "Moved back 2 files" in run("--undo")[1]
    assert len(list(album.iterdir())) == 5
    assert "nothing to move back" in run("--undo")[2]


def test_only_the_groups_that_are_named_are_moved(run: Run, album: Path, tmp_path: Path) -> None:
    (exact,) = ids(run, "--exact")
    out = run(exact, "--move-to", tmp_path / "aside", "--yes")[1]
    assert "Moved 1 file" in out
    assert not (album / "copy.png").exists()
    log = out.split("--undo ")[1].strip()
    (album / "copy.png").write_bytes(b"new")
    code, out, err = run("--undo", log)
    assert (code, "Moved back 0 files" in out) == (0, True)
    assert "differs" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--keep-all",), 2, "--keep-all 17 23"),
        (("999",), 1, "there is no group 999"),
        (("--undo", "nowhere.jsonl"), 1, "cannot be read"),
        (("--threshold", "2"), 2, "range"),
        (("--html", "nowhere/a.html"), 1, "nowhere/a.html"),
    ],
)
def test_mistakes_are_named(run: Run, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = run(*arguments)
    assert done[0] == code
    assert said in done[2]


def test_an_indexed_folder_is_refused(run: Run, album: Path) -> None:
    code, _, err = run("--move-to", album / "aside", "--yes")
    assert code == 1
    assert "lies in the indexed folder" in err
