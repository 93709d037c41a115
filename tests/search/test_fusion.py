"""Terms put together: against values worked out by hand, and through a whole library."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library, Query, QueryError, Term
from retrieval.scoring.confidence import ScoreBaseline, measure, shares_beaten
from retrieval.search.fusion import (
    EVIDENCE_MOST,
    LEAST_SPREAD,
    background_of,
    combined,
    log_absent,
    log_present,
    shares,
    text_evidence,
)


def test_the_combined_vector_is_the_weighted_sum() -> None:
    vectors = np.eye(2, dtype=np.float32)
    found = combined(vectors, np.array([3.0, 4.0]))
    assert found.tolist() == pytest.approx([0.6, 0.8])
    assert shares(vectors, np.array([3.0, 4.0])).tolist() == pytest.approx([0.6, 0.8])


def test_the_background_is_measured_below_the_median() -> None:
    # Median 0; below it -1 and -3: spread sqrt((1 + 9) / 2). The one far above does not count.
    background = background_of(np.array([[-3.0, -1.0, 0.0, 1.0, 50.0]]))
    assert background.median[0] == 0
    assert background.spread[0] == pytest.approx(math.sqrt(5))
    assert background.z(np.array([[math.sqrt(5)]]))[0, 0] == pytest.approx(1)


def test_alike_scores_have_a_realistic_spread() -> None:
    background = background_of(np.full((1, 40), 0.3, np.float32))
    assert background.spread.tolist() == [LEAST_SPREAD]
    assert background.z(np.array([[0.4]]))[0, 0] == pytest.approx(10)


def test_what_texts_add_is_limited_and_keeps_their_order() -> None:
    z = np.array([-np.inf, 0.0, 3.0, 8.0, 20.0, 40.0])
    evidence = text_evidence(z, np.zeros(6))
    assert evidence[3] == pytest.approx(5, abs=1e-4)  # z - 3 in the usual range
    assert np.all(np.diff(evidence) > 0)
    assert np.all(text_evidence(z * 1e4, np.full(6, 1e6)) <= EVIDENCE_MOST)


@pytest.mark.parametrize("described", ["red", "blue"])
def test_descriptions_that_are_alike_do_not_make_scores_explode(
    library: Library, tmp_path: Path, described: str
) -> None:
    for number in range(40):
        paint(tmp_path / f"p/{number:02}.png", (100 + number, 100, 140 - number))
        (tmp_path / f"p/{number:02}.txt").write_text("green" if number else described)
    library.add(tmp_path / "p")
    usual = library.search("red", 40, look_in="pictures").hits
    hits = library.search("red", 40).hits
    assert max(hit.score for hit in hits) < usual[0].score + EVIDENCE_MOST * 0.1
    if described == "blue":  # no text is near the query
        assert [hit.path for hit in hits] == [hit.path for hit in usual]


def test_presence_and_absence_are_probabilities_that_sum_to_one() -> None:
    z = np.linspace(-10, 10, 41)[None]
    assert np.exp(log_present(z)) + np.exp(log_absent(z)) == pytest.approx(np.ones((1, 41)))
    assert math.exp(log_present(np.array([[2.0]]))[0, 0]) == pytest.approx(0.5)


Names = Callable[..., list[str]]


def test_adding_finds_what_lies_between_the_terms(mixed: Library, names: Names) -> None:
    # The files are called what they show; here their names shall not count.
    assert names(mixed, "red + blue", 1, look_in="pictures") == ["purple.png"]
    assert names(mixed, "red + 0.01:blue", 1, look_in="pictures") == ["red.png"]


def test_a_negative_term_moves_its_pictures_down(mixed: Library, names: Names) -> None:
    assert names(mixed, "red", 3)[1:] == ["purple.png", "yellow.png"]
    assert names(mixed, "red - blue", 2) == ["red.png", "yellow.png"]
    assert names(mixed, "red - green", 2) == ["red.png", "purple.png"]


def test_multiplying_wants_all_terms(mixed: Library, names: Names) -> None:
    assert names(mixed, "red + blue", 1, fuse="multiply") == ["purple.png"]
    assert names(mixed, "red + green", 1, fuse="multiply") == ["yellow.png"]
    hits = mixed.search(Query.parse("red + green"), 45, fuse="multiply").hits
    assert all(0 <= hit.score <= 1 for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.mark.parametrize("fuse", ["add", "multiply"])
def test_a_smaller_k_is_a_prefix(mixed: Library, fuse: str) -> None:
    longest = mixed.search(Query.parse("red + 2:green - blue"), 20, fuse=fuse).hits  # type: ignore[arg-type]
    for k in (1, 5, 19):
        assert mixed.search(Query.parse("red + 2:green - blue"), k, fuse=fuse).hits == longest[:k]  # type: ignore[arg-type]


def test_contributions_explain_the_score(mixed: Library) -> None:
    added = mixed.search(Query.parse("2:red + blue - green"), 45, explain=True).hits
    for hit in added:
        parts = sum(term.contribution for term in hit.terms)
        assert hit.score == pytest.approx(parts, abs=2e-3)
        assert hit.terms[2].contribution <= 0
    for hit in mixed.search(
        Query.parse("2:red + blue - green"), 45, fuse="multiply", explain=True
    ).hits:
        parts = math.prod(term.contribution for term in hit.terms)
        assert hit.score == pytest.approx(parts, abs=2e-3)
    (plain,) = mixed.search("red", 1, look_in="pictures", explain=True).hits
    assert plain.terms[0].cosine == plain.score
    assert plain.terms[0].contribution == pytest.approx(plain.score)


def test_indexed_pictures_and_files_are_terms(mixed: Library, names: Names, tmp_path: Path) -> None:
    red, blue = (mixed.search(colour, 1).hits[0].id for colour in ("red", "blue"))
    assert names(mixed, f"#{red} + #{blue}", 1) == ["purple.png"]
    both = Query((Term("picture", tmp_path / "p/red.png"), Term("text", "blue")))
    assert names(mixed, both, 1, look_in="pictures") == ["purple.png"]
    assert names(mixed, f"#{red}", 1, include_self=True) == ["red.png"]
    assert "red.png" not in names(mixed, f"#{red}", 44)


def test_terms_that_cancel_out_are_refused(mixed: Library) -> None:
    one = np.array([1, 0, 0, 0], np.float32)
    both = Query((Term("picture", one), Term("picture", -one)))
    with pytest.raises(QueryError, match="cancel"):
        mixed.search(both)


def test_vectors_newer_than_the_cache_are_weighed_too(
    mixed: Library, names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.stores.live_index._SMALL", 0)
    monkeypatch.setattr("retrieval.stores.live_index._WORTH_SHARE", 1.0)
    paint(tmp_path / "p/violet.png", (250, 0, 240))
    mixed.add(tmp_path / "p")
    with Library.open(mixed.path, FakeEncoder()) as fresh:
        assert names(fresh, "red + blue", 1, fuse="multiply", look_in="pictures") == ["violet.png"]
        assert set(names(fresh, "red + blue - green", 2, look_in="pictures")) == {
            "violet.png",
            "purple.png",
        }


def test_several_terms_beat_unlikely_questions_together() -> None:
    one = np.array([1.0])
    assert shares_beaten(np.array([[0.0, 1.0, -1.0]]), one).tolist() == pytest.approx(
        [0.5, 0.841, 0.159], abs=1e-3
    )
    both = shares_beaten(np.array([[1.0], [1.0]]), np.array([1.0, 1.0]))
    assert both[0] == pytest.approx(0.921, abs=1e-3)  # Stouffer: z = 2 / sqrt(2)


def test_baselines_are_of_the_best_scores_and_grow_with_the_library() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.normal(size=(2000, 32)).astype(np.float32)
    pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
    references = pictures[:150] * np.float32(0.2) + rng.normal(size=(150, 32)).astype(np.float32)
    references /= np.linalg.norm(references, axis=1, keepdims=True)
    whole = measure(references, pictures, 2000)
    part = measure(references, pictures[::4], 2000)
    assert whole is not None
    assert part is not None
    assert whole.text.median == pytest.approx(np.median((references @ pictures.T).max(axis=1)))
    assert part.text.median == pytest.approx(whole.text.median, abs=0.03)
    unextrapolated = measure(references, pictures[::4], 500)
    assert unextrapolated is not None
    assert unextrapolated.text.median < part.text.median
    assert measure(references, pictures[:7], 7) is None


def test_a_baseline_says_how_far_above_it_a_score_lies() -> None:
    assert ScoreBaseline(0.2, 0.05).z(0.3) == pytest.approx(2.0)
