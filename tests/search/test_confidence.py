"""The confidence of hits: probabilities, labels or nothing; and whether an answer is strong."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.fakes import WORDS, FakeEncoder

from retrieval import Library, Query, Term
from retrieval.query.fields import PictureFacts
from retrieval.scoring.calibration import (
    FILE,
    Calibration,
    Logistic,
    PromptEnsemble,
    UnlikelyScores,
    answer_features,
    features,
    read_calibration,
    write_calibration,
)
from retrieval.scoring.confidence import ScoreBaseline, label_probabilities, label_shares
from retrieval.search.confidences import ConceptHits, Confidences, TextHits, calibration_of
from retrieval.search.results import Hit, SearchResult
from retrieval.specs import ModelSpec

FITTED = Calibration(
    Logistic(-2.0, {"score": 4.0, "baseline": 0.5}),
    Logistic(-3.0, {"score": 4.0}),
    Logistic(0.0, {"score, all": 1.0}),
    0.6,
)


def by_score(scores: list[float]) -> dict[str, NDArray[np.float64]]:
    """Return the features of hits that have nothing but scores."""
    found = {name: np.zeros(len(scores)) for name in ("baseline", "picture", "words", "agreement")}
    return {**found, "score": np.array(scores)}


def test_features_are_worked_out_by_hand() -> None:
    others = np.array([[0.1, 0.3], [0.2, 0.2]], np.float32)  # means 0.2, spreads 0.1 and none
    text = "a photo of two dogs on a beach"  # two, dogs, beach
    unlikely = UnlikelyScores.of(others)
    found = features(text, np.array([0.5, 0.3]), 0.9, ScoreBaseline(0.4, 0.05), unlikely)
    assert found["words"].tolist() == pytest.approx([math.log(3)] * 2)
    assert features("", np.ones(2), 1.0, ScoreBaseline(0, 1), unlikely)["words"].tolist() == [0, 0]
    assert found["agreement"].tolist() == [0.9, 0.9]
    assert found["score"].tolist() == [0.5, 0.3]
    assert found["baseline"].tolist() == pytest.approx([2, -2])
    assert found["picture"][0] == pytest.approx(3, abs=1e-5)
    assert np.isfinite(found["picture"]).all()


def test_phrasings_are_one_direction_and_say_how_far_they_agree() -> None:
    ensemble = PromptEnsemble(np.array([[0.6, 0.8], [0.6, -0.8]], np.float32))
    assert ensemble.agreement == pytest.approx(0.6)
    pictures = np.array([[1, 0], [0, 1]], np.float32)
    assert ensemble.scores(pictures).tolist() == pytest.approx([1, 0])
    opposite = PromptEnsemble(np.array([[1, 0], [-1, 0]], np.float32))
    assert opposite.agreement == 0
    assert opposite.scores(pictures).tolist() == [0, 0]


def test_an_answer_is_summed_up_by_its_first_ten() -> None:
    found = by_score([0.6, 0.3, 0.3] + [0.0] * 7 + [9.0])
    summed = answer_features({**found, "agreement": np.full(11, 0.9)})
    assert summed["score, all"].tolist() == pytest.approx([0.12])
    ranks = sum(1 / rank for rank in range(1, 11))
    assert summed["score, first"].tolist() == pytest.approx([(0.6 + 0.15 + 0.1) / ranks])
    assert summed["agreement"].tolist() == [0.9]
    alone = answer_features(by_score([0.6]))
    assert alone["score, all"].tolist() == alone["score, first"].tolist() == [0.6]


def test_a_probability_is_the_logistic_of_the_weighted_features() -> None:
    found = {"score": np.array([0.5, 0.25]), "baseline": np.array([2.0, -2.0]), "more": np.ones(2)}
    likely = FITTED.names.probability(found)
    assert likely.tolist() == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.exp(2))])


def test_a_calibration_is_kept_beside_its_model_and_serves_no_other(tmp_path: Path) -> None:
    path = str(tmp_path / FILE)
    write_calibration(path, "abc", FITTED)
    assert read_calibration(path, "abc") == FITTED
    assert read_calibration(path, "abd") is None
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    facts = json.loads((tmp_path / FILE).read_text())
    damages: list[object] = [{**facts, "version": 1}, {**facts, "hits": 3}, {"version": 2}, [], "x"]
    for damaged in damages:
        (tmp_path / FILE).write_text(json.dumps(damaged))
        assert read_calibration(path, "abc") is None
    (tmp_path / FILE).write_text("{")
    assert read_calibration(path, "abc") is None
    assert read_calibration(str(tmp_path / "none"), "abc") is None


def test_a_model_without_files_has_no_calibration(encoder: FakeEncoder) -> None:
    assert calibration_of(encoder.spec) is None
    published = ModelSpec("ViT-B-32/openai", "x", 512, encoder.spec.preprocessing)
    assert calibration_of(published) is None


def test_words_go_by_what_is_beaten_or_by_how_likely_it_is() -> None:
    assert label_shares(np.array([0.98, 0.8, 0.7])) == ["strong", "possible", "weak"]
    assert label_probabilities(np.array([0.5, 0.49, 0.1])) == ["strong", "possible", "weak"]


@pytest.mark.parametrize(
    ("scores", "strong"),
    [
        ([1.4] * 3 + [0.0] * 17, True),  # the mean of ten is 0.42, and 1 / (1 + exp(-0.42)) 0.603
        ([1.3] * 3 + [0.0] * 17, False),
        ([0.0] * 10 + [0.9] * 10, False),  # only the first ten count
        ([0.5], True),
    ],
)
def test_an_answer_is_strong_by_its_first_ten(scores: list[float], strong: bool) -> None:
    found = Confidences(np.ones(len(scores)), None, (TextHits("dog", by_score(scores), FITTED),))
    assert found.strong() is strong
    assert ("strong" in found.labels()) is strong


def test_each_term_has_to_be_answered() -> None:
    good, bad = (TextHits("dog", by_score([score] * 9), FITTED) for score in (0.9, 0.1))
    likely = np.ones(9)
    assert Confidences(likely, None, (good, good)).strong() is True
    assert Confidences(likely, None, (good, bad)).strong() is False
    assert Confidences(likely, None, (good, ConceptHits(likely))).strong() is True
    assert Confidences(likely, None, (good, ConceptHits(0 * likely))).strong() is False


def test_which_hits_are_left_decides() -> None:
    found = Confidences(np.ones(3), None, (TextHits("dog", by_score([0.1, 0.9, 0.1]), FITTED),))
    assert found.strong() is False
    assert found.at(np.array([1])).strong() is True


@pytest.mark.parametrize(
    ("likely", "strong"),
    [([0.2, 0.1], True), ([0.19, 0.1], False), ([0.1] * 10 + [0.99], False)],
)
def test_one_possible_hit_answers_a_concept(likely: list[float], strong: bool) -> None:
    shown = np.array(likely)
    assert Confidences(shown, None, (ConceptHits(shown),)).strong() is strong


def test_without_a_calibration_one_possible_hit_saves_an_answer() -> None:
    assert Confidences(None, np.array([0.8, 0.1])).strong() is True
    assert Confidences(None, np.array([0.7, 0.1])).strong() is False
    assert Confidences(None, np.array([0.1] * 10 + [0.99])).strong() is False
    assert Confidences().strong() is None
    assert Confidences().labels() == ()
    nothing = np.array([])
    assert Confidences(nothing, nothing, (TextHits("dog", by_score([]), FITTED),)).strong() is None


def test_confidence_follows_the_calibration(mixed: Library, calibrated: Calibration) -> None:
    found = mixed.search("red", 45, look_in="pictures")
    for hit in found.hits:
        assert hit.confidence == pytest.approx(1 / (1 + math.exp(16 - 20 * hit.score)), abs=1e-3)
    assert found.strong is True
    assert (found.hits[0].match, found.hits[-1].match) == ("strong", "weak")
    nothing = mixed.search("nothing at all", 10, look_in="pictures")
    assert nothing.strong is False
    assert "strong" not in {hit.match for hit in nothing.hits}


def test_how_one_asks_does_not_change_how_sure_it_is(
    mixed: Library, calibrated: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder takes an article for a bit of blue, so that phrasings differ."""
    monkeypatch.setitem(WORDS, "a", (0, 0, 0.4))

    def found(question: str) -> tuple[list[float], dict[int, float | None], bool | None]:
        result = mixed.search(question, 45, look_in="pictures")
        likely = {hit.id: hit.confidence for hit in result.hits}
        return [hit.score for hit in result.hits], likely, result.strong

    bare, phrase, photo = (found(f"{form}red") for form in ("", "a ", "a photo of a "))
    assert bare[0] != phrase[0]
    assert bare[1] == pytest.approx(phrase[1])
    assert bare[1] == pytest.approx(photo[1])
    assert bare[2] is phrase[2] is photo[2] is True


def test_a_hit_shows_all_terms_and_none_behind_a_minus(
    mixed: Library, calibrated: Calibration
) -> None:
    def likely(question: str) -> dict[int, float]:
        hits = mixed.search(Query.parse(question), 45, look_in="pictures").hits
        return {hit.id: hit.confidence or 0.0 for hit in hits}

    red, blue = likely("red"), likely("blue")
    for image, both in likely("red + blue").items():
        assert both == pytest.approx(min(red[image], blue[image]), abs=1e-6)
    for image, only in likely("red - blue").items():
        assert only == pytest.approx(min(red[image], 1 - blue[image]), abs=1e-6)


def test_an_example_picture_gives_words_and_no_probability(
    mixed: Library, calibrated: Calibration, tmp_path: Path
) -> None:
    for question in (
        Query((Term("picture", tmp_path / "p/red.png"),)),
        Query((Term("text", "blue"), Term("picture", tmp_path / "p/red.png", negative=True))),
    ):
        found = mixed.search(question, 45, min_confidence=0.5)
        assert {hit.confidence for hit in found.hits} == {None}
        assert None not in {hit.match for hit in found.hits}
        assert len(found.hits) >= 44
        assert found.sifted is False
    beside = mixed.search(Query.parse("blue + " + str(tmp_path / "p/red.png")), 45)
    assert None not in {hit.confidence for hit in beside.hits}, "the words decide"


@pytest.mark.parametrize("question", ["red", "red + 2:green", "red - blue"])
@pytest.mark.parametrize("k", [1, 3, 10])
def test_the_k_best_are_taken_among_those_that_are_sure_enough(
    mixed: Library, calibrated: Calibration, question: str, k: int
) -> None:
    whole = mixed.search(Query.parse(question), 45).hits
    sure = sorted(hit.confidence for hit in whole if hit.confidence is not None)
    for least in (sure[5], sure[-4]):
        wanted = [hit.id for hit in whole if (hit.confidence or 0) >= least]
        found = mixed.search(Query.parse(question), k, min_confidence=least)
        assert [hit.id for hit in found.hits] == wanted[:k]
        assert found.sifted


def test_how_strong_an_answer_is_does_not_depend_on_how_much_is_wanted(
    mixed: Library, calibrated: Calibration
) -> None:
    for question in ("red", "red + blue", "green - green blue"):
        answers = [mixed.search(Query.parse(question), k) for k in (1, 2, 10, 45)]
        assert len({answer.strong for answer in answers}) == 1
        assert len({answer.hits[0] for answer in answers}) == 1


def test_an_uncalibrated_model_speaks_in_words(mixed: Library) -> None:
    found = mixed.search("red", 45, min_confidence=0.9)
    assert len(found.hits) == 45, "nothing is left out by a number that nobody knows"
    assert {hit.confidence for hit in found.hits} == {None}
    order = ["strong", "possible", "weak"]
    places = [order.index(hit.match or "") for hit in found.hits]
    assert places == sorted(places)
    assert found.notes[-1].startswith("This library has no confidences")


def test_a_tiny_library_claims_nothing(
    library: Library, pictures: Path, calibrated: Calibration
) -> None:
    library.add(pictures)
    found = library.search("red", 9, min_confidence=0.99)
    assert len(found.hits) == 4
    assert {(hit.confidence, hit.match) for hit in found.hits} == {(None, None)}
    assert (found.strong, found.sifted) == (None, False)


def test_unknown_words_leave_nothing_to_be_sure_of(
    mixed: Library, calibrated: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "retrieval.search.query_vectors.unknown_words",
        lambda text, _: tuple(word for word in text.split() if word.startswith("q")),
    )
    found = mixed.search(Query.parse("red qwzx + blue - qwzx qvbn"), 9)
    assert found.unknown == ("qwzx", "qvbn")
    assert found.strong is None
    assert {(hit.confidence, hit.match) for hit in found.hits} == {(None, None)}
    (said,) = found.notes
    assert said.startswith("The model does not know “qwzx”, “qvbn”")
    liked = mixed.search("red qwzx", 9, like=[found.hits[0].id])
    assert liked.unknown == ("qwzx",)


def test_notes_say_only_what_is_to_be_known() -> None:
    facts = PictureFacts(id=1, sha256="", size=1, mtime_ns=1, date="1970", date_source="file")
    hit = Hit(rank=1, score=0.2, confidence=None, path="/a", copies=(), **facts.facts())
    assert SearchResult((hit,), 5).notes == ()
    assert SearchResult((hit,), 5, strong=True).notes == ()
    assert SearchResult((hit,), 5, strong=False).notes[0].startswith("No strong matches")
    assert SearchResult((), 5, strong=False).notes == ()


def test_pictures_are_looked_at_beside_unlikely_things(
    mixed: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = Logistic(0.0, {"picture": 1.0})
    fitted = Calibration(hits, hits, Logistic(0.0, {"picture, all": 1.0}), 0.1)
    monkeypatch.setattr("retrieval.search.search.calibration_of", lambda _: fitted)
    monkeypatch.setattr("retrieval.search.search.unlikely_things", lambda: ("green", "blue"))
    green, blue = mixed.embed("green"), mixed.embed("blue")
    for hit in mixed.search("red", 45, look_in="pictures").hits:
        picture = mixed.embed(Query.parse(f"#{hit.id}"))
        others = np.array([picture @ green, picture @ blue])
        z = (hit.score - others.mean()) / max(others.std(), 1e-6)
        assert hit.confidence == pytest.approx(1 / (1 + math.exp(-z)), abs=2e-3)


def test_descriptions_have_probabilities_of_their_own() -> None:
    found = by_score([0.5])
    name, description = (
        TextHits(text, found, FITTED).probabilities[0] for text in ("a hat", "a man with a hat")
    )
    assert name == pytest.approx(0.5)
    assert description == pytest.approx(1 / (1 + math.e))
