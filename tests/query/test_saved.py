"""Saved questions: what is stored is read back, also by another library and another version."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import QueryError
from retrieval.query import Query, Term
from retrieval.query.options import OPTIONS, SearchOptions
from retrieval.query.saved import SavedPicture, SavedQuestion, restored, saved_question

texts = st.text(min_size=1, max_size=12).filter(str.strip)
paths = texts.map(lambda name: f"/photos/{name}.jpg").filter(lambda path: "\0" not in path)
ids = st.integers(1, 5)
terms = st.one_of(
    st.builds(Term, st.just("text"), texts.map(str.strip), st.floats(0.01, 100)),
    st.builds(Term, st.just("indexed"), ids, st.floats(0.01, 100), st.booleans()),
    st.builds(Term, st.just("concept"), texts.map(str.strip)),
    st.builds(Term, st.just("picture"), paths.map(str.strip)),
)
queries = st.lists(terms, min_size=1, max_size=4).filter(
    lambda found: not all(term.negative for term in found)
)
examples = st.lists(st.one_of(ids, paths), max_size=3)
options = st.builds(
    SearchOptions,
    k=st.integers(1, 500),
    where=st.sampled_from([None, "favourite", "date >= 2023 and not album = 'Été'"]),
    sort=st.sampled_from([None, "date", "name"]),
    group=st.sampled_from([None, "day"]),
    diverse=st.booleans(),
    look_in=st.sampled_from(["all", "texts"]),
    fuse=st.sampled_from(["add", "multiply"]),
    include_self=st.booleans(),
    min_confidence=st.floats(0, 1),
    like=examples,
    unlike=examples,
    explain=st.booleans(),
)


def picture(image_id: int) -> SavedPicture:
    return SavedPicture(f"{image_id:064x}", f"/photos/{image_id}.jpg")


def in_another_library(found: SavedPicture) -> int:
    return int(found.sha256, 16) + 1000


def moved(query: Query) -> Query:
    return Query(
        tuple(
            Term("indexed", term.value + 1000, term.weight, term.negative)
            if term.kind == "indexed"
            else term
            for term in query.terms
        )
    )


def stored(saved: SavedQuestion) -> SavedQuestion:
    return SavedQuestion.of_object(json.loads(json.dumps(saved.as_object())))


@given(queries, options)
def test_a_question_is_read_back_by_another_library(
    found: list[Term], asked: SearchOptions
) -> None:
    query = Query(tuple(found))
    saved = saved_question(query, asked, picture)
    assert stored(saved) == saved
    back = restored(stored(saved), in_another_library)
    assert back.query == moved(query)
    assert back.dropped == ()
    for name, option in OPTIONS.items():
        expected = getattr(asked, name)
        if option.many:
            expected = tuple(each + 1000 if isinstance(each, int) else each for each in expected)
        assert getattr(back.options, name) == expected


def test_only_what_was_chosen_is_stored() -> None:
    saved = saved_question(
        Query.parse("2:snow + #7 - #9"), SearchOptions(where="width > 9", like=[7]), picture
    )
    assert saved.as_object() == {
        "question": "2:snow + #1 - #2",
        "pictures": [
            {"sha256": f"{7:064x}", "path": "/photos/7.jpg"},
            {"sha256": f"{9:064x}", "path": "/photos/9.jpg"},
        ],
        "options": {"where": "width > 9", "like": ("#1",)},
    }


def test_what_cannot_be_stored_is_refused() -> None:
    with pytest.raises(QueryError, match="nothing to save"):
        saved_question(None, SearchOptions(), picture)
    with pytest.raises(QueryError, match="no file"):
        saved_question(Query((Term("picture", b"bytes"),)), SearchOptions(), picture)
    with pytest.raises(QueryError, match="character"):
        saved_question(None, SearchOptions(where="nonsense"), picture)
    assert saved_question(Query((Term("picture", Path("/a.jpg")),)), SearchOptions(), picture)


def test_options_of_another_version_are_left_out_and_named() -> None:
    saved = SavedQuestion(
        "snow", (), {"sort": "by smell", "aroma": True, "like": "x", "diverse": True}
    )
    back = restored(saved, in_another_library)
    assert back.dropped == ("sort", "aroma", "like")
    assert back.options == SearchOptions(diverse=True)


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("snow", {"where": "smell = 'roses'"}),
        ("snow", {"where": 7}),
        ("#3", {}),
        ("- snow", {}),
        ("", {}),
        ("", {"diverse": True}),
        ("snow", {"like": ("#2",)}),
    ],
)
def test_a_question_that_would_mean_something_else_is_refused(
    question: str, options: dict[str, Any]
) -> None:
    saved = SavedQuestion(question, (picture(1),), options)
    with pytest.raises(QueryError):
        _ = restored(saved, in_another_library).options.condition


def test_a_picture_that_is_gone_is_named() -> None:
    with pytest.raises(QueryError, match=r"/photos/1\.jpg"):
        restored(SavedQuestion("#1", (picture(1),), {}), lambda _: None)


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["question", "pictures", "options", "sha256", "path", "like", "k"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(anything)
def test_any_json_is_read_or_refused(value: Any) -> None:
    try:
        saved = SavedQuestion.of_object(value)
    except ValueError:
        return
    with suppress(QueryError):
        restored(saved, in_another_library)
