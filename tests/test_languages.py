"""Captions in other languages than English, evaluated by themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval import QueryError
from retrieval.captioned import Captioned, read_captions


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    rows = [
        {
            "file": "a.png",
            "captions": ["a dog"],
            "captions_ml": {"de": ["ein Hund"], "de_translated": ["Hund"], "zh": ["狗"]},
        },
        {"file": "b.png", "captions": ["a cat"], "captions_ml": {"zh": ["猫"]}},
        {"file": "c.png", "captions": ["a cow"]},
    ]
    path = tmp_path / "captions.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return path


def test_english_is_what_it_was(captions: Path, tmp_path: Path) -> None:
    assert [picture.captions for picture in read_captions(str(captions))] == [
        ("a dog",),
        ("a cat",),
        ("a cow",),
    ]


def test_a_language_leaves_out_pictures_without_captions(captions: Path, tmp_path: Path) -> None:
    assert read_captions(str(captions), "zh") == [
        Captioned(str(tmp_path / "a.png"), ("狗",)),
        Captioned(str(tmp_path / "b.png"), ("猫",)),
    ]
    (german,) = read_captions(str(captions), "de")
    assert german.captions == ("ein Hund", "Hund")


def test_a_language_that_is_not_there_is_named_with_those_that_are(captions: Path) -> None:
    with pytest.raises(QueryError, match="no captions in “fr”") as caught:
        read_captions(str(captions), "fr")
    assert "de, en, zh" in caught.value.hint
