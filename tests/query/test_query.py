"""The written form of questions: what it means, and that nothing is lost in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrieval.errors import QueryError
from retrieval.query import Query, Term

texts = st.one_of(
    st.text(min_size=1).filter(str.strip),
    st.lists(
        st.sampled_from(["dog", " + ", " - ", '"', "\\", "2:", "#7", "./a", "concept:", " ", "\n"]),
        min_size=1,
    )
    .map("".join)
    .filter(str.strip),
)
weights = st.one_of(st.just(1.0), st.floats(0.001, 1000).map(lambda w: round(w, 6)))
terms = st.one_of(
    st.builds(Term, st.sampled_from(["text", "picture", "concept"]), texts, weights, st.booleans()),
    st.builds(Term, st.just("indexed"), st.integers(0, 10**12), weights, st.booleans()),
)
queries = (
    st.lists(terms, min_size=1, max_size=5)
    .filter(lambda found: not all(term.negative for term in found))
    .map(lambda found: Query(tuple(found)))
)


@given(queries)
@example(Query((Term("text", "- x"),)))
@example(Query((Term("text", '"'), Term("text", '"', negative=True))))
@example(Query((Term("text", '"'), Term("text", '"'))))
@example(Query((Term("text", "dog", 2.5), Term("picture", "a + b.jpg"))))
def test_what_is_written_is_read_back(query: Query) -> None:
    assert Query.parse(str(query)) == query


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(written: str) -> None:
    try:
        query = Query.parse(written)
    except QueryError:
        return
    assert Query.parse(str(query)) == query


@pytest.mark.parametrize(
    "plain",
    [
        "two dogs on a beach",
        "black-and-white t-shirt",
        "C++ code on a screen",
        "a 16:9 screen",
        "16:9 screen",
        '"stop" sign',
        "50% off",
        "-20 degrees",
        "rock & roll",
        "the #1 dad",
        "note: buy milk",
    ],
)
def test_what_people_write_is_one_text(plain: str) -> None:
    assert Query.parse(plain) == Query.of_text(plain)
    assert str(Query.of_text(plain)) == plain


def test_the_compact_form() -> None:
    assert Query.parse("2:dog + ./pool.jpg - people") == Query(
        (
            Term("text", "dog", 2.0),
            Term("picture", "./pool.jpg"),
            Term("text", "people", negative=True),
        )
    )
    assert Query.parse('#17 + 0.5:"snow - at night"') == Query(
        (Term("indexed", 17), Term("text", "snow - at night", 0.5))
    )
    assert Query.parse('picture:"a + b.jpg" + concept:"our cat"') == Query(
        (Term("picture", "a + b.jpg"), Term("concept", "our cat"))
    )
    assert Query.parse("- people + https://example.org/a.jpg").terms[1].kind == "picture"


def test_a_picture_by_its_path_is_written() -> None:
    assert str(Term("picture", Path("dog.jpg"))) == 'picture:"dog.jpg"'
    assert str(Term("picture", Path("/a/dog.jpg"))) == "/a/dog.jpg"
    assert str(Term("picture", b"\xff\xd8")) == "(a picture)"


@pytest.mark.parametrize("wrong", ["", "  ", "- people", "dog +  + cat", "0:dog", "9999:dog"])
def test_what_cannot_be_asked_says_what_to_do(wrong: str) -> None:
    with pytest.raises(QueryError) as caught:
        Query.parse(wrong)
    assert caught.value.hint
