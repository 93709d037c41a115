"""Names of albums, saved searches and concepts: when two are the same, and how one is found."""

from __future__ import annotations

import unicodedata

import pytest

from retrieval.query.names import matching, name_key, plain_name


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Summer", "Summer"),
        ("  Summer \t 2023\n", "Summer 2023"),
        ("a\0b", "a b"),
        (unicodedata.normalize("NFD", "é"), "é"),
        ("\ud800", "?"),
        (" \x07 ", ""),
    ],
)
def test_a_name_is_written_in_one_way(written: str, plain: str) -> None:
    assert plain_name(written) == plain


def test_names_are_the_same_whatever_their_case_and_form() -> None:
    assert name_key("ÉTÉ") == name_key(unicodedata.normalize("NFD", "été"))
    assert name_key("Straße") == name_key("STRASSE")
    assert name_key("été") != name_key("ete")


def test_names_are_found_by_a_part_of_them() -> None:
    names = ["The été", "Été 2023", "winter", "ETE"]
    assert matching(names, "ete") == ["ETE", "Été 2023", "The été"]
    assert matching(names, "") == names
    assert matching(names, "x") == []
