"""Captions, sidecars, vocabularies: texts that come in files."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from random import Random

from fuzzing import seeds
from fuzzing.cases import ENCODINGS, Case
from fuzzing.mutations import TEXTS, mutated, mutated_json, mutated_text

from retrieval.encoders.texts.bpe import BpeTokenizer
from retrieval.evaluation.captions import read_captions
from retrieval.images.plain_text import text_of
from retrieval.tagging.corpora import read_corpus
from retrieval.texts.captions import read_caption_file
from retrieval.texts.sidecars import read_sidecar


def _clean(text: str) -> None:
    """Check that a text can be stored and shown: UTF-8, without control characters."""
    text.encode()
    assert all(c.isprintable() or c in "\n\u200d\u200c" or c.isspace() for c in text), repr(text)


_CAPTIONS = (
    '{"file": "a.jpg", "captions": ["a dog", "a beach"]}\n{"file": "b/c.png", "caption": "red"}\n',
    '[{"file": "a.jpg", "text": "x"}, {"image": "b.jpg", "description": "y"}]',
    'file,caption\na.jpg,a dog\n"b, c.jpg","said ""hello""\nand left"\n',
    "filename\tdescription\na.jpg\tx\n",
    "sep=;\r\nfile;caption\r\na.jpg;Größe\r\n",
    '{"file": "a.jpg", "captions": ["x"], "captions_ml": {"de": ["ein Hund"]}}\n',
    'a dog on a beach\n# a comment\n{"text": "ein Hund", "lang": "de"}\n',
)


def captions(folder: Path) -> Case:
    """Try caption files, corpora and test sets, as text, tables and JSON in many encodings."""
    path = str(folder / "captions")

    def case(random: Random) -> None:
        text = mutated_text(random, random.choice(_CAPTIONS), (",", "\t", '"', "{", "[", "\n", ":"))
        if random.random() < 0.2:
            row = {"file": "a.jpg", "captions": ["x", "y"], "captions_ml": {"de": ["z"]}}
            text = json.dumps(mutated_json(random, row)) + "\n" + text
        data = text.encode(random.choice(ENCODINGS), "replace")
        if random.random() < 0.2:
            data = mutated(random, data)
        with open(path, "wb") as file:
            file.write(data)
        reader = random.choice((read_caption_file, read_caption_file, read_corpus, read_captions))
        found = reader(path)
        if isinstance(found, dict):
            for name, lines in found.items():
                os.fsencode(name)
                assert os.path.isabs(name)
                for line in lines:
                    line.encode()
                    assert line == " ".join(line.split())

    return case


def sidecars(folder: Path) -> Case:
    """Try .txt and .xmp files beside pictures."""
    texts = ("a quiet lake at dawn\nwith two boats", "Ein See – früh am Morgen", "落日的照片", "")

    def case(random: Random) -> None:
        if random.random() < 0.5:
            text = mutated_text(random, random.choice(texts), ("\n", "\r\n", "\0", "word"))
            data = text.encode(random.choice(ENCODINGS), "replace")
            data = mutated(random, data) if random.random() < 0.5 else data
            _clean(text_of(data))
            return
        path = str(folder / random.choice(("a.xmp", "a.txt", "A.XMP")))
        with open(path, "wb") as file:
            file.write(mutated(random, seeds.XMP))
        found = read_sidecar(path)
        assert found is not None
        found[1].encode()

    return case


def tokenizer(folder: Path) -> Case:
    """Try vocabularies of the tokenizer, and texts for it."""
    from retrieval.encoders.models.tables import bpe_vocabulary

    whole = BpeTokenizer(bpe_vocabulary(), 16, "lower")
    with gzip.open(bpe_vocabulary()) as file:
        lines = file.read(4000)
    path = str(folder / "vocabulary.gz")

    def case(random: Random) -> None:
        text = mutated_text(random, "two dogs on a beach", TEXTS)
        rows = whole([text])
        assert rows.shape == (1, 16)
        assert 0 <= rows.min() <= rows.max() < 49_408
        if random.random() < 0.05:
            with open(path, "wb") as file:
                file.write(gzip.compress(mutated(random, lines), 1))
            assert BpeTokenizer(path, 16, "lower")([text]).shape == (1, 16)

    return case
