"""Captions in other languages than English, evaluated by themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval import Library, QueryError
from retrieval.encoders.texts.languages import advice
from retrieval.evaluation.captions import CaptionedPicture, read_captions
from retrieval.tagging.corpora import read_corpus


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
        CaptionedPicture(str(tmp_path / "a.png"), ("狗",)),
        CaptionedPicture(str(tmp_path / "b.png"), ("猫",)),
    ]
    (german,) = read_captions(str(captions), "de")
    assert german.captions == ("ein Hund", "Hund")


def test_a_language_that_is_not_there_is_named_with_those_that_are(captions: Path) -> None:
    with pytest.raises(QueryError, match="no captions in “fr”") as caught:
        read_captions(str(captions), "fr")
    assert "de, en, zh" in caught.value.hint


WORDS = ("<pad>", "</s>", "<unk>", "dog", "beach", "hund", "strand", "perro", "playa", "狗", "海滩")


@pytest.fixture
def many_tongued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model built as the multilingual preset is, random weights, with a tokenizer of its own."""
    pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    from support import models

    config = models.CONFIGS["siglip"]["model_cfg"]
    text = {**config["text_cfg"], "hf_tokenizer_name": "org/many-tongues"}
    monkeypatch.setitem(models.CONFIGS["siglip"]["model_cfg"], "text_cfg", text)
    folder = models.save("siglip", tmp_path / "model")
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return f"local-dir:{folder}"


@pytest.mark.slow
def test_a_model_of_many_languages_end_to_end(
    many_tongued: str, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "corpus.jsonl").write_text(
        "\n".join(
            json.dumps({"text": text, "lang": lang})
            for text, lang in (("狗 海滩", "zh"), ("狗", "zh"), ("hund strand", "de"))
        ),
        "utf-8",
    )
    corpus = read_corpus(str(tmp_path / "corpus.jsonl"))
    with Library.create(tmp_path / "library", many_tongued, device="torch") as library:
        library.add(pictures)
        assert len(library.search("perro playa", 4).hits) == 4
        own = [library.embed(words) for words in ("perro", "狗", "hund", "dog")]
        assert max(one @ two for one in own for two in own if one is not two) < 0.9999
        (best, other) = library.translate("狗", corpus, "zh")
        assert best.text == "狗"
        assert best.score == pytest.approx(1, abs=1e-3)
        assert other.score < best.score
    assert advice("ViT-B-16-SigLIP-i18n-256/webli") == ""
