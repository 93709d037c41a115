"""The ways in which one asks for the same thing."""

from __future__ import annotations

import pytest

from retrieval.scoring.phrasings import is_description, phrasings


@pytest.mark.parametrize(
    "text", ["giraffe", "a giraffe", "the giraffe", "A photo of a giraffe", " picture of giraffe "]
)
def test_they_do_not_depend_on_how_one_asks(text: str) -> None:
    assert phrasings(text) == (
        "giraffe",
        "a giraffe",
        "a photo of a giraffe",
        "a picture of a giraffe",
        "a giraffe in the background",
        "there is a giraffe here",
    )


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("owl", "a photo of an owl"),
        ("electric guitar", "a photo of an electric guitar"),
        ("two dogs on a beach", "a photo of two dogs on a beach"),
        ("a man on a bicycle", "a photo of a man on a bicycle"),
        ("a photo of two dogs on a beach", "a photo of two dogs on a beach"),
        ("photo", "a photo of a photo"),
        ("a photo of ", "a photo of a photo of"),
        ("image of the", "a photo of a the"),
        ("{0} {bare}", "a photo of a {0} {bare}"),
    ],
)
def test_what_is_asked_for_stays(text: str, form: str) -> None:
    assert form in phrasings(text)


@pytest.mark.parametrize("text", ["hat", "a hat", "red hat", "a photo of a red hat", "the sea"])
def test_a_name_is_one_thing(text: str) -> None:
    assert not is_description(text)


@pytest.mark.parametrize(
    "text", ["a woman with a hat", "woman with hat", "a photo of a dog on a beach", "red hat here"]
)
def test_a_description_says_more(text: str) -> None:
    assert is_description(text)
