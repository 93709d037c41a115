"""The options of a search: one definition, checked, and the same on every surface."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from retrieval import QueryError
from retrieval.commands.search import search_command
from retrieval.commands.search_options import flag_of
from retrieval.query import options as module
from retrieval.query.options import OPTIONS, SearchKeywords, SearchOptions
from retrieval.query.where import Comparison


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("k", -3, "at least 1"),
        ("k", 0, "at least 1"),
        ("k", "5", "'5'"),
        ("k", 2.5, "whole number"),
        ("k", True, "whole number"),
        ("sort", "newest", "date-desc"),
        ("group", "week", "burst, day, folder, place, person"),
        ("fuse", "foo", "add, multiply, concatenate"),
        ("fuse", None, "add, multiply, concatenate"),
        ("look_in", "everywhere", "all, pictures, texts"),
        ("look_in", ["all"], "all, pictures, texts"),
        ("min_confidence", 1.1, "from 0 to 1"),
        ("min_confidence", float("nan"), "from 0 to 1"),
        ("min_confidence", "0.5", "from 0 to 1"),
        ("diverse", "yes", "True or False"),
        ("explain", 1, "True or False"),
        ("like", None, "paths of pictures"),
        ("like", 0.5, "paths of pictures"),
        ("like", True, "paths of pictures"),
        ("like", b"a.jpg", "paths of pictures"),
        ("unlike", [1, None], "paths of pictures"),
        ("where", 7, "a filter"),
        ("where", ["width > 2"], "a filter"),
    ],
)
def test_a_wrong_value_is_refused_and_the_right_ones_are_named(
    name: str, value: Any, named: str
) -> None:
    with pytest.raises(QueryError) as raised:
        SearchOptions(**{name: value})
    said = f"{raised.value.message} {raised.value.hint}"
    assert name in said
    assert named in said


def test_an_unknown_option_is_no_option() -> None:
    with pytest.raises(TypeError, match="colour"):
        SearchOptions(colour="red")  # type: ignore[call-arg]


def test_a_single_example_counts_as_one() -> None:
    assert SearchOptions(like="#17").like == ("#17",)
    assert SearchOptions(unlike=Path("a.jpg")).unlike == (Path("a.jpg"),)  # type: ignore[arg-type]
    assert SearchOptions(like=[1, "2"]).like == (1, "2")


def test_a_filter_is_parsed_where_it_is_needed() -> None:
    assert SearchOptions(where="width > 20").condition == Comparison("width", ">", 20.0)
    assert SearchOptions(where=Comparison("width", ">", 20.0)).condition is not None
    assert SearchOptions().condition is None
    with pytest.raises(QueryError, match="colour"):
        _ = SearchOptions(where="colour = red").condition


def test_hits_are_taken_deep_enough_to_be_arranged() -> None:
    assert SearchOptions(k=5).depth == 5
    assert not SearchOptions(k=5).is_arranged
    assert SearchOptions(k=5, group="day").depth == module.GROUPED
    assert SearchOptions(k=500, group="day").depth == 5000
    assert SearchOptions(k=5, diverse=True).depth == module.DIVERSE
    assert SearchOptions(sort="name").is_arranged


def test_keywords_are_the_fields() -> None:
    written = {each.name: each.type for each in fields(SearchOptions)}
    assert list(OPTIONS) == list(written)
    assert written.pop("k") == "int"
    keywords = {name: hint.__forward_arg__ for name, hint in SearchKeywords.__annotations__.items()}
    assert keywords == written


def test_the_command_line_has_them_all() -> None:
    found = {each.name: each for each in search_command.params if isinstance(each, click.Option)}
    for name, option in OPTIONS.items():
        assert flag_of(name) in found[name].opts
        assert found[name].help == option.help
        if option.choices:
            kind = found[name].type
            assert isinstance(kind, click.Choice)
            assert list(kind.choices) == list(option.choices)
        if option.default and not option.many:
            assert found[name].default == option.default


def test_requests_and_tools_have_them_all() -> None:
    pytest.importorskip("fastapi")
    from retrieval.server.mcp.arguments import SearchImages
    from retrieval.server.search_fields import describe_options
    from retrieval.server.state import SearchRequest

    asked = SearchRequest()
    assert asked.options == SearchOptions(k=60)
    assert SearchRequest.model_validate({"sort": "name", "like": [3]}).options == SearchOptions(
        k=60, sort="name", like=(3,)
    )
    told = SearchImages.model_validate({"sort": "best", "group": "day", "diverse": True})
    assert told.options == SearchOptions(k=10, group="day", diverse=True)
    described = {each["name"]: each for each in describe_options()}
    assert set(described) == set(OPTIONS)
    labels = {choice["value"]: choice["label"] for choice in described["sort"]["choices"]}
    assert labels == {"": "Best first", **OPTIONS["sort"].choices}
