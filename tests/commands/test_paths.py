"""`~` is the user's home in every path that a command takes, also where the shell leaves it."""

from __future__ import annotations

import json
import os
import shutil
import unicodedata
from pathlib import Path
from typing import Literal

import click
import pytest
from support.command_line import Run, every_command
from support.painting import paint

from retrieval.commands.terminal import UserPath

PATH_NAMES = ("FILE", "DIR", "FOLDER", "PATH", "LOG]", "IMAGE", "CAPTIONS", "CHECKPOINT")


@pytest.fixture
def home(run: Run, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home, not the current folder, with pictures and files that name them."""
    home, here = tmp_path / "home", tmp_path / "here"
    for folder in (home, here):
        folder.mkdir()
    shutil.move(pictures, home / "pictures")
    shutil.copy(home / "pictures/red.png", home / "pictures/red copy.png")
    shutil.copy(home / "pictures/red.png", home / "picture-without-extension")
    (home / "labels.txt").write_text("red\ngreen\n")
    (home / "captions.csv").write_text("file,caption\npictures/red.png,a red square\n")
    rows = [
        {"file": "pictures/red.png", "captions": ["red"], "captions_ml": {"de": ["rot"]}},
        {"file": "pictures/green.png", "captions": ["green"], "captions_ml": {"de": ["grün"]}},
    ]
    (home / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(here)
    assert run("index", "~/pictures", "--model", "fast").code == 0
    return home


@pytest.mark.parametrize(
    "words",
    [
        ("search", "--image", "~/pictures/red.png", "--html", "~/made.html"),
        ("search", "red", "--like", "~/pictures/red.png", "~/picture-without-extension"),
        ("duplicates", "--html", "~/made.html"),
        ("map", "~/made.csv"),
        ("export", "~/made.npz"),
        ("captions", "~/captions.csv"),
        ("evaluate", "~/captions.jsonl"),
        ("describe", "~/pictures/red.png", "--corpus", "~/captions.jsonl"),
        ("translate", "red", "--corpus", "~/captions.jsonl", "--to", "de"),
        ("label", "--labels", "~/labels.txt"),
        ("concept", "learn", "warm", "--like", "~/pictures/red.png", "~/pictures/green.png"),
        ("demo", "~/made", "--count", "20"),
        ("remove", "~/pictures/deep"),
    ],
)  # fmt: skip
def test_a_quoted_tilde_is_the_home(run: Run, home: Path, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.code == 0, done.err
    made = [word for word in words if word.startswith("~/made")]
    assert all(Path(home, word.removeprefix("~/")).exists() for word in made)
    assert not list(Path.cwd().iterdir()), "nothing was made here"


def test_items_to_classify(run: Run, home: Path) -> None:
    done = run("classify", "--labels", "~/labels.txt", "~/pictures/red.png", "--json")
    (item,) = json.loads(done.out)["items"]
    assert item["labels"][0]["label"] == "red"
    assert item["item"] == str(home / "pictures/red.png")


def test_moving_and_its_log(run: Run, home: Path) -> None:
    moved = run("duplicates", "--move-to", "~/aside", "--yes").out
    assert len(list((home / "aside").rglob("*.png"))) == 1
    log = Path(moved.split("--undo ")[1].strip())
    shutil.copy(log, home / "log.jsonl")
    assert run("duplicates", "--undo", "~/log.jsonl").code == 0
    assert not list((home / "aside").rglob("*.png"))


def test_every_path_is_expanded() -> None:
    paths = [
        (context.command_path, parameter)
        for context in every_command()
        for parameter in context.command.params
        if isinstance(parameter.type, click.Path)
        or any(name in (parameter.metavar or str(parameter.name).upper()) for name in PATH_NAMES)
    ]
    assert len(paths) > 25
    for command, parameter in paths:
        if "--image" in parameter.opts or isinstance(parameter.type, click.types.BoolParamType):
            continue  # an address or "-", too, which the search expands; a flag
        assert isinstance(parameter.type, UserPath), (command, parameter.opts)


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
def test_a_path_is_found_however_its_name_is_spelt(
    run: Run, tmp_path: Path, stored: Literal["NFC", "NFD"], asked: Literal["NFC", "NFD"]
) -> None:
    paint(tmp_path / unicodedata.normalize(stored, "Märchen/a.png"), "red")
    paint(tmp_path / "b.png", "blue")
    folder = unicodedata.normalize(asked, "Märchen")
    assert run("index", folder, "b.png", "--model", "fast").code == 0
    picture = os.path.join(folder, "a.png")
    for query in (("--image", picture), (f"./{picture}",)):
        assert run("search", *query, "--paths").out.strip() == str(tmp_path / "b.png")
    assert run("concept", "learn", "fairy tale", "--like", picture, "--unlike", "b.png").code == 0
    assert run("remove", folder).code == 0
