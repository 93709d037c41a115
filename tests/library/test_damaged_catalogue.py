"""Whatever a damaged catalogue holds: a right answer or an error that says so, never another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.damage import CHANGES, change, tables
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library
from retrieval.errors import PixtrieveError

COLOURS: dict[str, str | tuple[int, int, int]] = {
    "red": "red",
    "green": "green",
    "blue": "blue",
    "rose": (240, 40, 60),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures and a library that has a row in every table."""
    folder = tmp_path_factory.mktemp("sound")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "user"))
        for name, colour in COLOURS.items():
            paint(folder / f"pictures/{name}.png", colour)
        for number in range(40):
            paint(folder / f"pictures/grey{number:02}.png", (100 + number, 100, 140 - number))
        paint(folder / "other/green.png", "green")
        paint(folder / "other/white.png", "white")
        (folder / "pictures/rose.txt").write_text("red rose in the garden")
        (folder / "pictures/broken.jpg").write_bytes(b"\xff\xd8\xff")
        with Library.create(folder / "library", FakeEncoder()) as library:
            library.add(folder / "pictures", exclude="*.gif")
            library.add(folder / "other")
            library.texts.put({str(folder / "pictures/blue.png"): ["blue sky"]})
            list(library.texts.encode())
            library.tags.label(["red", "green", "blue"])
            library.concepts.learn("rosy", [folder / "pictures/rose.png"], [])
            library.concepts.tag("rosy")
            library.duplicates.keep_all(library.duplicates.find().groups[:1])
            os.unlink(folder / "other/white.png")
            library.add(folder / "other")
    return folder


ASKED: dict[str, Callable[[Library], object]] = {
    "status": lambda library: (library.status(), library.models(), library.facets()),
    "problems": lambda library: list(library.problems()),
    "search": lambda library: scores(library, "red"),
    "two terms": lambda library: library.search_many(["red", "blue garden"]),
    "filter": lambda library: library.search(None, where="width > 3 and has text"),
    "name": lambda library: library.search("red", where="name ~ r or folder in '/tmp'"),
    "date": lambda library: library.search("red", where="date > 1999", sort="date", group="day"),
    "export": lambda library: list(library.images()),
    "duplicates": lambda library: library.duplicates.find(),
    "label": lambda library: (library.tags.label(), library.tags.all()),
    "concept": lambda library: (library.concepts.all(), library.concepts.tag("rosy")),
    "map": lambda library: library.map.update(),
    "index": lambda library: library.add(),
}


def scores(library: Library, question: str) -> dict[str, float]:
    hits = library.search(question, 99, look_in="pictures").hits
    return {os.path.basename(hit.path): hit.score for hit in hits}


TABLES = [
    *("roots", "excludes", "images", "files", "models", "vectors", "texts", "sidecars", "sketches"),
    *("kept", "nulls", "tags", "labels", "concepts", "concept_examples", "concept_heads"),
    *("stamps", "state"),
]


@pytest.mark.parametrize("damage", CHANGES)
@pytest.mark.parametrize("table", TABLES)
def test_a_damaged_row_gives_a_right_answer_or_an_error(
    sound: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    table: str,
    damage: str,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    with Library.open(sound / "library", FakeEncoder()) as library:
        right = scores(library, "red")
    folder, hints = tmp_path / "library", list[str]()
    for number, column in enumerate(tables(sound / "library/catalogue.sqlite").get(table, [])):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(sound / "library", folder)
        path = folder / "catalogue.sqlite"
        if not change(path, table, column, CHANGES[damage], row=number):
            continue
        if number % 3:
            shutil.rmtree(folder / "cache")
        caplog.clear()
        for name, ask in ASKED.items():
            try:
                with Library.open(folder, FakeEncoder()) as library:
                    answer = ask(library)
            except PixtrieveError as error:
                hints.append(error.hint)
                continue
            if name == "search":
                assert isinstance(answer, dict)
                wrong = {
                    each: score
                    for each, score in answer.items()
                    if each in right and abs(score - right[each]) > 0.001
                }
                assert not wrong, (column, wrong)
                missing = right.keys() - answer.keys()
                assert not missing or "pixtrieve" in caplog.text, (column, missing)
    assert all(hints)
