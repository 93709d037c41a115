"""The judges of the campaign: a trial that nothing can fail would prove nothing."""

from __future__ import annotations

import ast
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from campaign import examining, outcomes
from mutating import mutants, mutated

RIGHT: dict[str, Any] = {
    "words": [[-0.9, "a.png", {"date": "2023", "confidence": 0.9, "match": "strong"}],
              [-0.5, "b.png", {"date": "", "confidence": 0.1, "match": None}]],
    "counts": [2, 2],
    "people's": [["red"], []],
}  # fmt: skip


def answers(**changed: Any) -> dict[str, Any]:
    """Return the right answers with other facts of the first hit."""
    first, second = RIGHT["words"]
    return {**RIGHT, "words": [[*first[:2], {**first[2], **changed}], second]}


def test_what_is_left_out_is_told_from_what_is_wrong() -> None:
    assert outcomes.is_reduced(RIGHT, RIGHT)
    assert outcomes.is_reduced({**RIGHT, "words": RIGHT["words"][1:]}, RIGHT)
    assert outcomes.is_reduced(answers(date=""), RIGHT)
    assert not outcomes.is_reduced(answers(date="2024"), RIGHT)
    assert not outcomes.is_reduced({**RIGHT, "words": [[-0.8, "a.png", {}]]}, RIGHT)
    assert not outcomes.is_reduced({**RIGHT, "counts": [1, 2]}, RIGHT)
    assert not outcomes.is_reduced({**RIGHT, "people's": [[], []]}, RIGHT)


def test_missing_confidences_are_no_missing_facts() -> None:
    assert outcomes.lacks_confidences_only(answers(confidence=None, match=None), RIGHT)
    assert not outcomes.lacks_confidences_only(answers(confidence=0.2), RIGHT)
    assert not outcomes.lacks_confidences_only(answers(confidence=None, date=""), RIGHT)
    assert not outcomes.lacks_confidences_only({**RIGHT, "words": RIGHT["words"][:1]}, RIGHT)


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    with closing(sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE images (id INTEGER PRIMARY KEY, format TEXT)")
        db.execute("CREATE TABLE tags (id INTEGER PRIMARY KEY, label TEXT)")
        db.execute("INSERT INTO images VALUES (1, 'JPEG')")
        db.execute("INSERT INTO tags VALUES (1, 'a lake at dawn')")
    return (tmp_path / "a.sqlite").read_bytes()


def test_what_differs_in_a_catalogue(content: bytes) -> None:
    assert examining.differing(content, content) == set()
    assert examining.differing(content, content.replace(b"a lake", b"a cake")) == {"tags"}
    both = content.replace(b"a lake", b"a cake").replace(b"JPEG", b"JPEH")
    assert examining.differing(content, both) == {"images", "tags"}
    assert examining.differing(content, content[:5000]) == {"the structure"}
    assert examining.differing(content, b"") == {"the structure"}
    assert examining.differing(content, content.replace(b"CREATE TABLE tags", b"CREATE TABLE bags"))


def finding(code: str, message: str, severity: str = "error") -> dict[str, str]:
    return {"code": code, "severity": severity, "message": message}


@pytest.mark.parametrize(
    ("differing", "found", "how"),
    [
        (set(), [], "nothing"),
        ({"images"}, [], "missed"),
        ({"images"}, [finding("rows.altered", "rows changed: 2 in images")], "named"),
        ({"images"}, [finding("rows.altered", "rows changed: 2 in images, 1 in files")], "besides"),
        ({"images", "files"}, [finding("rows.altered", "rows: 2 in images")], "missed"),
        ({"texts"}, [finding("rows.altered.people", "now: the text of a picture “x”")], "named"),
        ({"texts"}, [finding("rows.altered.people", "now: the label “x”")], "besides"),
        ({"albums"}, [finding("rows.altered.people", "now: the album “x”")], "named"),
        (set(), [finding("vectors.damaged", "damaged vectors: 1")], "besides"),
        ({"vectors"}, [finding("vectors.damaged", "damaged vectors: 1")], "named"),
        ({"images"}, [finding("cache.whole", "the cache a.faiss is damaged")], "besides"),
        ({"the structure"}, [finding("catalogue.malformed", "malformed")], "named"),
        ({"the structure"}, [], "missed"),
        ({"the structure"}, [finding("cache.map", "the map")], "besides"),
    ],
)
def test_what_the_doctor_says_of_tables(
    differing: set[str], found: list[dict[str, str]], how: str
) -> None:
    assert examining.of_tables(found, differing).how == how


def test_what_the_doctor_says_of_a_file() -> None:
    named, other = finding("cache.map", "the map /a/b.npz"), finding("leftovers", "/a/c.tmp")
    assert examining.of_findings([named], "/a/b.npz", used=True).how == "named"
    assert examining.of_findings([named, other], "/a/b.npz", used=True).how == "besides"
    assert examining.of_findings([], "/a/b.npz", used=True).how == "missed"
    assert examining.of_findings([], "/a/b.npz", used=False).how == "nothing"
    assert examining.of_findings([named], "/a/b.npz", used=False).how == "besides"


SOURCE = '''
LIMIT: int = 3

def first(values: list[int], most: int | None = None) -> int:
    """Return 7."""
    if not values or len(values) > LIMIT:
        return -1
    values.sort()
    total = values[0] + 1
    return total if total != 5 else 0
'''


def test_changes_of_code() -> None:
    found = [each.key.removeprefix("m.py:") for each in mutants("m.py", SOURCE)]
    assert ": 3 → 4" in found
    assert "first: len(values) > LIMIT → len(values) >= LIMIT" in found
    assert "first: not values → values" in found
    assert "first: values.sort() → pass" in found
    assert "first: values[0] + 1 → values[0] - 1" in found
    assert "first: total != 5 → total == 5" in found
    assert "first: return -1 → return None" in found
    assert not any("None = None" in each or "Return 7" in each or "|" in each for each in found)
    assert len(found) == len(set(found))
    for number, each in enumerate(found):
        changed = mutated(SOURCE, number)
        assert ast.dump(changed) != ast.dump(ast.parse(SOURCE)), each
        compile(changed, "m.py", "exec")
