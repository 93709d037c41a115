"""Concepts through a library: learned from files and indexed pictures, asked, tagged, forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import IndexOptions, Library, LibraryBusy, QueryError
from retrieval.commands.picture_options import ManyPictures, like_options
from retrieval.errors import NameTaken
from retrieval.query import Query
from retrieval.scoring.linear_head import Head
from retrieval.search.feedback import moved_head
from retrieval.vectors import normalise

REDS = [(250, 10, 10), (240, 0, 30), (230, 30, 0), (255, 20, 20), (225, 5, 5)]


@pytest.fixture
def shades(library: Library, tmp_path: Path) -> Library:
    """Thirty greys and blues, and five reds; five more reds are not indexed."""
    for number in range(30):
        paint(tmp_path / f"p/grey{number:02}.png", (100 + number, 110, 140 + 3 * number))
    for number, red in enumerate(REDS):
        paint(tmp_path / f"p/red{number}.png", red)
        paint(tmp_path / f"outside/red{number}.png", (red[0] - 3, red[1] + 2, red[2]))
    library.add(tmp_path / "p")
    return library


def outside(tmp_path: Path, count: int) -> list[str]:
    return [str(tmp_path / f"outside/red{number}.png") for number in range(count)]


def test_a_concept_of_files_finds_what_is_like_them(
    shades: Library, tmp_path: Path, names: Callable[..., list[str]]
) -> None:
    concept = shades.concepts.learn("our red", outside(tmp_path, 5))
    assert concept.auc is not None
    assert concept.auc > 0.9
    assert concept.like == tuple(sorted(outside(tmp_path, 5)))
    assert {name[:3] for name in names(shades, 'concept:"our red"', 5)} == {"red"}
    assert names(shades, 'green - concept:"our red"', 5)[0].startswith("grey")


def test_confidence_is_the_heads_probability(shades: Library, tmp_path: Path) -> None:
    shades.concepts.learn("our red", outside(tmp_path, 5))
    head = shades.concepts.head("our red")
    hits = shades.search(Query.parse('concept:"our red"'), 35).hits
    for hit in hits:
        likely = 1 / (1 + 2.718281828 ** -(head.steepness * hit.score + head.offset))
        assert hit.confidence == pytest.approx(likely, abs=0.011)
    assert hits[0].confidence is not None
    assert hits[-1].confidence is not None
    assert hits[0].confidence > 0.5 > hits[-1].confidence


def test_a_head_that_was_not_proven_gives_words_and_no_probability(
    shades: Library, tmp_path: Path
) -> None:
    shades.concepts.learn("our red", outside(tmp_path, 2))
    found = shades.search(Query.parse('concept:"our red"'), 35)
    assert {hit.confidence for hit in found.hits} == {None}
    assert found.hits[0].match is not None
    shades.concepts.learn("our red", outside(tmp_path, 5))
    liked = shades.search(Query.parse('concept:"our red"'), 35, like=[found.hits[0].id])
    assert {hit.confidence for hit in liked.hits} == {None}, "feedback proves nothing"


def test_indexed_examples_are_remembered_by_number(shades: Library, tmp_path: Path) -> None:
    ids = [hit.id for hit in shades.search("red", 3).hits]
    grey = shades.search("blue", 1).hits[0]
    concept = shades.concepts.learn("r", [ids[0], f"#{ids[1]}", str(ids[2])], [grey.path])
    assert set(concept.like) == {f"#{each}" for each in ids}
    assert concept.unlike == (f"#{grey.id}",)
    assert concept.auc is None, "three examples are too few to say"


def test_what_cannot_be_learned_says_so(library: Library, pictures: Path) -> None:
    with pytest.raises(QueryError, match="“x”") as caught:
        library.concepts.learn("x")
    assert "--like" in caught.value.hint
    with pytest.raises(QueryError) as caught:
        library.concepts.learn("x", [pictures / "red.png"])
    assert "--unlike" in caught.value.hint
    with pytest.raises(QueryError, match="no picture #99"):
        library.concepts.learn("x", [99])
    library.add(pictures)
    with pytest.raises(QueryError, match="no concept “cat”") as caught:
        library.search(Query.parse('concept:"cat"'))
    assert "concept learn" in caught.value.hint


def test_after_a_change_of_models_it_is_learned_again(shades: Library, tmp_path: Path) -> None:
    shades.concepts.learn("our red", outside(tmp_path, 2))
    assert shades.concepts.tag("our red", 0.1) > 0
    for _ in shades.use_model(FakeEncoder("fake-2")):
        pass
    assert not shades.concepts.named("our red").learned
    with pytest.raises(QueryError, match="another model") as caught:
        shades.search(Query.parse('concept:"our red"'))
    assert "concept learn 'our red'" in caught.value.hint
    assert shades.concepts.learn("our red").learned
    assert shades.search(Query.parse('concept:"our red"'), 1).hits[0].path.endswith(".png")


def test_tags_follow_the_threshold_and_go_with_the_concept(shades: Library, tmp_path: Path) -> None:
    shades.concepts.learn("our red", outside(tmp_path, 5))
    assert shades.concepts.tag("our red") == 5
    assert shades.concepts.tag("our red", 0.0) == 35
    assert shades.concepts.tag("our red", 0.5) == 5
    assert [each.name for each in shades.concepts.all()] == ["our red"]
    shades.concepts.forget("our red")
    assert shades.concepts.all() == []
    assert shades._session.catalogue.tags.all() == []


@click.command(cls=ManyPictures)
@click.argument("words", nargs=-1)
@like_options
@click.option("-k", "count", default=1)
def gathered(
    words: tuple[str, ...], like: tuple[str, ...], unlike: tuple[str, ...], count: int
) -> None:
    click.echo(json.dumps([words, like, unlike, count]))


def test_a_new_name_goes_to_the_tags_and_no_other_concept_has_it(
    shades: Library, tmp_path: Path, names: Callable[..., list[str]]
) -> None:
    shades.concepts.learn("our red", outside(tmp_path, 5))
    shades.concepts.learn("two", outside(tmp_path, 2))
    tagged = shades.concepts.tag("our red")
    before = names(shades, 'concept:"our red"', 5)
    renamed = shades.concepts.rename("our red", " Warm  ")
    assert (renamed.name, renamed.learned, len(renamed.like)) == ("Warm", True, 5)
    assert names(shades, 'concept:"Warm"', 5) == before
    assert [(tag.label, tag.images) for tag in shades.tags.all()] == [("Warm", tagged)]
    with pytest.raises(NameTaken) as refused:
        shades.concepts.rename("Warm", "two")
    assert refused.value.taken == "two"
    assert shades.concepts.rename("Warm", "warm").name == "warm"
    assert [concept.name for concept in shades.concepts.all()] == ["two", "warm"]
    with pytest.raises(QueryError, match="our red"):
        shades.concepts.rename("our red", "green")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("cat --like a.jpg b.jpg --unlike c.jpg", [["cat"], ["a.jpg", "b.jpg"], ["c.jpg"], 1]),
        ("--like a.jpg --like b.jpg cat", [["cat"], ["a.jpg", "b.jpg"], [], 1]),
        ("--like 17 #18 two dogs -k 3", [["two", "dogs"], ["17", "#18"], [], 3]),
        ("--like=a.jpg cat", [["cat"], ["a.jpg"], [], 1]),
        ("cat --like picture", [["cat"], ["picture"], [], 1]),
        ("--like a.jpg -- b.jpg", [["b.jpg"], ["a.jpg"], [], 1]),
        ("cat", [["cat"], [], [], 1]),
    ],
)
def test_an_option_takes_several_pictures(arguments: str, expected: list[object]) -> None:
    done = CliRunner().invoke(gathered, arguments.split(" "))
    assert json.loads(done.output) == expected


@pytest.mark.parametrize("arguments", ["cat --like", "cat --like --unlike a.jpg"])
def test_an_option_without_a_picture_is_wrong_usage(arguments: str) -> None:
    assert CliRunner().invoke(gathered, arguments.split(" ")).exit_code == 2


@pytest.mark.parametrize("name", ["", " \n", "\u200b", "x" * 201])
def test_a_concept_needs_a_name(shades: Library, tmp_path: Path, name: str) -> None:
    with pytest.raises(QueryError, match="name"):
        shades.concepts.learn(name, outside(tmp_path, 2))
    assert shades.concepts.learn("our\n\x1bred ", outside(tmp_path, 2)).name == "our red"


def test_feedback_turns_the_question(shades: Library, names: Callable[..., list[str]]) -> None:
    before = names(shades, "white", 1)
    assert before[0].startswith("grey")
    reds = [hit.id for hit in shades.search("red", 3).hits]
    liked = shades.search("white", 35, like=reds, explain=True).hits
    place = [Path(hit.path).stem[:3] for hit in liked]
    assert place.index("red") < names(shades, "white", 35).index("red0.png")
    assert liked[0].terms[0].term == 'concept:"white, by feedback"'
    assert names(shades, "white", 1) == before, "feedback is of one question"
    with pytest.raises(QueryError, match="no picture #99"):
        shades.search("white", like=[99])


def test_what_is_not_liked_sinks_without_any_likes() -> None:
    random = np.random.default_rng(0)
    usual = normalise(random.normal(size=(300, 16)).astype(np.float32))
    vector = normalise(random.normal(size=(1, 16)).astype(np.float32))[0]
    best = int(np.argmax(usual @ vector))
    head = moved_head(vector, np.empty((0, 16), np.float32), usual[best : best + 1], usual)
    order = np.argsort(-(usual @ head.direction)).tolist()
    assert 5 < order.index(best) < 150, "away from the top, but not to the end"
    assert head.direction @ vector > 0.9, "the question is still that question"


def test_without_feedback_the_head_has_the_questions_order() -> None:
    random = np.random.default_rng(0)
    usual = normalise(random.normal(size=(300, 16)).astype(np.float32))
    vector, liked = usual[0], usual[1:2]
    nothing = np.empty((0, 16), np.float32)
    head = moved_head(vector, liked, nothing, usual)
    assert head.direction @ liked[0] > vector @ liked[0] + 0.02
    assert head.direction @ vector > 0.5
    away = moved_head(vector, nothing, liked, usual)
    assert away.direction @ liked[0] < vector @ liked[0]


def test_it_is_taught_and_tagged_while_pictures_are_indexed(
    shades: Library, tmp_path: Path
) -> None:
    for number in range(5):
        paint(tmp_path / f"p/late{number}.png", (40 + 20 * number, 200, 20))
    run = shades.iter_index([tmp_path / "p"], options=IndexOptions(batch_size=1, threads=1))
    assert next(each for each in run if each.tally.encoded == 1).tally.encoded == 1
    with Library.open(shades.path, FakeEncoder()) as other:
        with pytest.raises(LibraryBusy):
            other.add(tmp_path / "p")
        other.concepts.learn("our red", outside(tmp_path, 5))
        assert other.concepts.tag("our red") == 5
        counts = other.tags.label(["blue", "red"])
        other.tags.remove("blue")
        other.concepts.learn("passing", outside(tmp_path, 1))
        other.concepts.forget("passing")
    assert [*run][-1].tally.encoded == 5
    assert [concept.name for concept in shades.concepts.all()] == ["our red"]
    assert {(tag.label, tag.source, tag.images) for tag in shades.tags.all()} == {
        ("our red", "concept", 5),
        ("red", "label", counts["red"]),
    }
    assert shades.concepts.tag("our red") == 5


def test_what_is_removed_while_tagging_is_passed_over(
    shades: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shades.concepts.learn("our red", outside(tmp_path, 5))
    real = Head.probability

    def meanwhile(head: Head, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        likely = real(head, vectors)
        with Library.open(shades.path, FakeEncoder()) as other:
            other.remove(tmp_path / "p/red0.png")
        monkeypatch.setattr(Head, "probability", real)
        return likely

    monkeypatch.setattr(Head, "probability", meanwhile)
    shades.concepts.tag("our red")
    assert [(tag.label, tag.images) for tag in shades.tags.all()] == [("our red", 4)]


def test_a_concept_that_is_forgotten_meanwhile_leaves_no_tags(
    shades: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shades.concepts.learn("our red", outside(tmp_path, 5))
    real = Head.probability

    def meanwhile(head: Head, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        with Library.open(shades.path, FakeEncoder()) as other:
            other.concepts.forget("our red")
        monkeypatch.setattr(Head, "probability", real)
        return real(head, vectors)

    monkeypatch.setattr(Head, "probability", meanwhile)
    with pytest.raises(QueryError, match="our red"):
        shades.concepts.tag("our red")
    assert shades.tags.all() == []
