"""Texts become words of the full-text index, and questions become its search expressions."""

from __future__ import annotations

import pytest

from retrieval.query.tokens import indexed, is_pair, terms


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a dog", "a dog"),
        ("海滩上", " 海滩 滩上 上 "),
        ("the 海滩 at night", "the  海滩 滩  at night"),
        ("\uff24\uff2f\uff27", "DOG"),  # full width
        ("犬", " 犬 "),
        ("", ""),
    ],
)
def test_scripts_without_spaces_are_indexed_in_pairs(text: str, stored: str) -> None:
    assert indexed(text) == stored


def test_words_of_a_question() -> None:
    assert terms("the dog and a Dog") == ('"dog"',)
    assert terms("the and of") == ('"the"', '"and"', '"of"')
    assert terms("!?") == ()
    assert len(terms(" ".join(f"word{number}" for number in range(99)))) == 64


def test_pairs() -> None:
    pair, word = terms("海滩")[0], terms("beach")[0]
    assert is_pair(pair)
    assert not is_pair(word)
