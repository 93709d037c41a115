"""Words are looked for among the pictures that a filter leaves, as many as are asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.painting import paint

from retrieval import Library, SearchResult


@pytest.fixture
def described(library: Library, tmp_path: Path) -> Library:
    for number in range(24):
        path = paint(tmp_path / f"p/{number:02}.png", "red", (8 + number % 2, 8 + number))
        words = "a garden" if number % 3 else "the garden gate, a garden"
        path.with_suffix(".txt").write_text(f"{words} {number}")
    library.add(tmp_path / "p")
    return library


def names(result: SearchResult) -> list[str]:
    return [os.path.basename(hit.path) for hit in result.hits]


def test_a_filter_leaves_the_best_of_those_that_pass(described: Library) -> None:
    everything = names(described.search("garden", 99, look_in="texts"))
    assert len(everything) == 24
    even = [name for name in everything if int(name[:2]) % 2 == 0]
    for k in (1, 5, 12, 99):
        found = described.search("garden", k, look_in="texts", where="width = 8")
        assert names(found) == even[:k]


@pytest.mark.parametrize("where", [None, "width = 8"])
@pytest.mark.parametrize("k", [2**62, 2**63, 2**80])
def test_any_number_of_hits_may_be_asked_for(described: Library, k: int, where: str | None) -> None:
    found = described.search("garden", k, look_in="texts", where=where)
    assert len(found.hits) == (24 if where is None else 12)
