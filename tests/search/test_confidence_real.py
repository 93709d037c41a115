"""What the built-in model promises of how sure it is, on real pictures (PIXTRIEVE_DATA)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.waiting import SUBPROCESS_S

from retrieval import Library
from retrieval.encoders.models.references import built_in_folder
from retrieval.encoders.texts import known_words
from retrieval.scoring.calibration import FILE

pytestmark = pytest.mark.slow

PRESENT = (
    *("a dog", "snow", "children in a swimming pool", "a skateboard", "a man on a bicycle"),
    *("a football player", "a girl in a dress", "people on a beach", "a crowd", "a boat"),
)
ABSENT = (
    *("a giraffe", "an elephant in a zoo", "a plate of spaghetti", "a bathtub", "a castle"),
    *("a tractor on a farm", "a penguin", "a laptop on a desk", "a bowl of soup", "a toilet"),
    *("a birthday cake", "sushi", "an airplane in the sky", "a wristwatch", "a refrigerator"),
)
ABSENT_WORDS = (
    *("giraffe", "castle", "penguin", "toilet", "sushi", "wristwatch", "bathtub", "refrigerator"),
)
FLAGGED = ("a giraffe", "giraffe", "a photo of a giraffe", "a zebra", "a submarine")
UNFLAGGED = ("a dog", "dog", "two dogs on a beach", "a car", "car")


@pytest.fixture(scope="module")
def flickr(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    if not (built_in_folder() / FILE).exists():
        pytest.skip("the built-in model has no calibration")
    with Library.create(tmp_path_factory.mktemp("flickr") / "library", "pocket") as library:
        library.add(shared_data / "flickr8k-dev/images")
        yield library


def test_what_is_there_is_found_without_a_banner(flickr: Library) -> None:
    for question in PRESENT:
        found = flickr.search(question, look_in="pictures")
        assert found.strong, question
        assert found.unknown == ()
        assert found.hits[0].confidence is not None
        assert found.hits[0].confidence > 0.8, question


def test_the_banner_does_not_depend_on_how_one_asks(flickr: Library) -> None:
    for question in (*FLAGGED, *UNFLAGGED):
        found = flickr.search(question, look_in="pictures")
        assert found.strong is (question in UNFLAGGED), question


def test_what_is_not_there_stands_under_the_banner(flickr: Library) -> None:
    for questions, least in ((ABSENT_WORDS, 1.0), (ABSENT, 0.8)):
        weak = [q for q in questions if not flickr.search(q, look_in="pictures").strong]
        assert len(weak) >= least * len(questions), set(questions) - set(weak)


def test_what_is_not_there_is_shown_as_unlikely(flickr: Library) -> None:
    for question in ABSENT:
        best = flickr.search(question, look_in="pictures").hits[0]
        assert best.confidence is not None
        assert best.confidence < 0.5, question


def test_words_that_it_has_never_seen_are_named(flickr: Library) -> None:
    if not (built_in_folder() / known_words.FILE).exists():
        pytest.skip("the built-in model brings no list of words")
    found = flickr.search("qwzx vbnm")
    assert found.unknown == ("qwzx", "vbnm")
    assert found.notes[0].startswith("The model does not know “qwzx”, “vbnm”")
    assert {hit.confidence for hit in found.hits} == {None}
    assert flickr.search("собака").unknown == ("собака",)


def test_the_calibration_holds(flickr: Library, shared_data: Path, tmp_path: Path) -> None:
    """The figures that README promises, with a margin, from the benchmark that measures them."""
    script = Path(__file__).parents[2] / "benchmarks/confidence.py"
    command = [sys.executable, str(script), "--draws", "2", "--cache", str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=SUBPROCESS_S
    )
    assert done.returncode == 0, done.stderr
    tables = done.stdout.split("\n\n")

    def row(title: str, name: str) -> list[str]:
        place = next(number for number, each in enumerate(tables) if title in each)
        lines = (line.split("|") for line in tables[place + 1].splitlines())
        (found,) = (line for line in lines if len(line) > 1 and line[1].strip() == name)
        return [cell.strip() for cell in found[2:-1]]

    assert float(row("AUC", "confidence")[-1]) >= 0.89
    assert float(row("Expected calibration error", "all")[0]) <= 0.1
    wrongly, rightly = row("with the calibration", "all")[-2:]
    assert float(wrongly.rstrip("%")) <= 3
    assert float(rightly.rstrip("%")) >= 80
