"""Whatever a damaged catalogue holds: a right answer or an error that says so, never another."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.damage import CHANGES, change, edit, tables
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library
from retrieval.errors import LibraryError, PixtrieveError

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


@pytest.mark.parametrize("table", TABLES)
def test_a_damaged_row_gives_a_right_answer_or_an_error(
    sound: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    table: str,
) -> None:
    """Each column gets two damages, and after each comes a search and something else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    with Library.open(sound / "library", FakeEncoder()) as library:
        right = scores(library, "red")
    chosen = random.Random(table)
    for number, column in enumerate(tables(sound / "library/catalogue.sqlite")[table]):
        for damage in chosen.sample(list(CHANGES), 2):
            folder = tmp_path / f"{number} {damage}"
            shutil.copytree(sound / "library", folder)
            if not change(folder / "catalogue.sqlite", table, column, CHANGES[damage], row=number):
                continue
            if number % 3:
                shutil.rmtree(folder / "cache")
            caplog.clear()
            found = asked(folder, "search")
            asked(folder, chosen.choice(list(ASKED)))
            if isinstance(found, dict):
                assert_right(found, right, caplog.text)


def asked(folder: Path, name: str) -> object:
    """Return the answer, or the error, which must say what to do next."""
    try:
        with Library.open(folder, FakeEncoder()) as library:
            return ASKED[name](library)
    except PixtrieveError as error:
        return error if error.hint else pytest.fail(f"no hint: {error}")


def assert_right(found: dict[str, float], right: dict[str, float], warned: str) -> None:
    """No score is wrong, and what is left out was named."""
    assert {name: round(score, 3) for name, score in found.items() if name in right} == {
        name: round(right[name], 3) for name in found if name in right
    }
    assert found.keys() >= right.keys() or "pixtrieve" in warned


def test_damaged_vectors_are_named_and_made_anew(
    sound: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(shutil.copytree(sound / "library", tmp_path / "library"))
    shutil.rmtree(folder / "cache")
    with Library.open(folder, FakeEncoder()) as library:
        right = scores(library, "red")
    shutil.rmtree(folder / "cache")
    values = (np.full(4, np.nan, "<f2"), np.full(4, 9, "<f2"), np.ones(3, "<f2"))
    for number, value in enumerate(values, 1):
        sql = "UPDATE vectors SET embedding = ? WHERE view = 'whole' AND image_id = ?"
        edit(folder / "catalogue.sqlite", sql, values=(value.tobytes(), number))
    encoder = FakeEncoder()
    for _ in range(2):  # from the catalogue, then from the cache
        caplog.clear()
        with Library.open(folder, encoder) as library:
            found = scores(library, "red")
        assert len(found) == len(right) - 3
        assert all(0 <= score <= 1 and score == right[name] for name, score in found.items())
        assert ".png" in caplog.text
        assert "pixtrieve index" in caplog.text
    with Library.open(folder, encoder) as library:
        library.add()
        assert encoder.images_encoded == 3
        caplog.clear()
        assert scores(library, "red") == right
        assert not caplog.text


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE models SET dim = 3",
        "UPDATE models SET dim = 'many'",
        "UPDATE models SET preprocessing = '[]'",
        "UPDATE models SET preprocessing = replace(preprocessing, 'squash', 'shortest')",
        "DELETE FROM stamps",
        "DELETE FROM state WHERE key = 'model_id'",
        "DELETE FROM state WHERE key = 'generation'",
    ],
)
def test_damaged_settings_are_errors_that_name_the_remedy(
    sound: Path, tmp_path: Path, statement: str
) -> None:
    folder = Path(shutil.copytree(sound / "library", tmp_path / "library"))
    edit(folder / "catalogue.sqlite", statement)
    with (
        pytest.raises(LibraryError) as raised,
        Library.open(folder, FakeEncoder()) as library,
    ):
        library.search("red")
    assert "doctor" in raised.value.hint
