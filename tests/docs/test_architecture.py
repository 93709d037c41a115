"""`docs/architecture.md` against the code: its floors, its names, and the order of its walks."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from support.documents import ROOT, section
from support.floors import ENCODERS, FLOORS
from support.painting import paint

from retrieval.commands import main

TEXT = (ROOT / "docs/architecture.md").read_text("utf-8")
NAMED = re.compile(r"`([\w.]+:[\w.]+)`")
WALKS = {
    "question": section(TEXT, "A question, from the command line to FAISS and back"),
    "path": section(TEXT, "A path, from `index` to its row"),
}


def steps(walk: str) -> list[str]:
    """Return the names of a walk's numbered steps, each once, in order."""
    numbered = re.findall(r"^ *\d+\. .*(?:\n {3,}.*)*", walk, re.MULTILINE)
    return list(dict.fromkeys(name for step in numbered for name in NAMED.findall(step)))


def found(name: str) -> Any:
    """Return what a name like `search.ranking:rank` stands for."""
    module, _, attributes = name.partition(":")
    value: Any = importlib.import_module(f"retrieval.{module}")
    for attribute in attributes.split("."):
        value = inspect.getattr_static(value, attribute, None) or getattr(value, attribute)
    return value


def code_of(name: str) -> CodeType:
    """Return the code that runs first when what has that name is called."""
    value = found(name)
    value = getattr(value, "callback", value)  # a click command
    value = getattr(value, "__func__", value)  # a class method
    code = inspect.unwrap(value).__code__
    assert isinstance(code, CodeType)
    return code


def drawn(heading: str, column: int) -> list[set[str]]:
    """Return the names in a table's column by floor, from the top down."""
    floors: dict[int, set[str]] = {}
    table = section(TEXT, "The floors").split(heading)[1].split("\n\n")[1]
    for number, names in re.findall(r"^\| (\d+) \| ([^|]*) \|", table, re.MULTILINE):
        floors.setdefault(int(number), set()).update(re.findall(r"`(\w+)`", names))
    assert list(floors) == list(range(1, len(floors) + 1))
    return list(floors.values())


def test_the_floors_drawn_are_those_of_the_house() -> None:
    assert drawn("has these entries", 1) == FLOORS
    assert drawn("has floors of its own", 1) == ENCODERS


def test_every_entry_of_the_root_has_one_line_that_explains_it() -> None:
    table = section(TEXT, "The floors").split("`encoders` has floors of its own")[0]
    lines = re.findall(r"^\| [\d–]+ \| `([\w.]+)` \| (.+) \|$", table, re.MULTILINE)
    entries = [path for path in (ROOT / "retrieval").iterdir() if path.name != "__pycache__"]
    assert sorted(name for name, _ in lines) == sorted(e.name.removesuffix(".py") for e in entries)
    assert all(len(words.split()) >= 4 for _, words in lines)


def test_every_name_exists_in_the_code() -> None:
    missing = []
    for name in dict.fromkeys(NAMED.findall(TEXT)):
        try:
            found(name)
        except (AttributeError, ImportError):
            missing.append(name)
    assert not missing


@pytest.mark.parametrize("walk", WALKS)
def test_the_walks_name_enough_to_follow(walk: str) -> None:
    assert len(steps(WALKS[walk])) >= 20


@contextmanager
def first_calls(names: list[str]) -> Iterator[list[str]]:
    """Give a list that fills with the names in the order in which they are first called."""
    waiting = {code_of(name): name for name in names}
    called: list[str] = []

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (name := waiting.pop(frame.f_code, None)):
            called.append(name)

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield called
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@pytest.mark.slow
def test_a_run_takes_the_steps_in_the_order_of_the_walks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        paint(tmp_path / f"pictures/{number}.png", (20 * number, 100, 255 - 20 * number))
    options = ("--library", "library", "--device", "cpu:f32")
    indexing = steps(WALKS["path"])
    with first_calls(indexing) as called, pytest.raises(SystemExit) as ended:
        main(["index", "pictures", "--model", "pocket", *options])
    assert ended.value.code == 0, capsys.readouterr().err
    assert called == indexing
    paint(tmp_path / "pictures/new.png", "red")
    asking = steps(WALKS["question"])
    with first_calls(asking) as called, pytest.raises(SystemExit) as ended:
        main(["search", "a red square", "--where", "width > 1", *options])
    assert ended.value.code == 0, capsys.readouterr().err
    assert called == asking
