"""The compact vocabulary: there and back, and texts that still end where they ended."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest
import torch

from retrieval.pocket.train.vocabulary import END, FULL_SIZE, START, Vocabulary, tokenize

TEXTS = ["a dog runs", "a dog", "Two cats sleep on a red sofa", "猫"]


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary.of(tokenize(TEXTS, 16))


def test_tokens_are_open_clips() -> None:
    wanted = open_clip.tokenizer.SimpleTokenizer(context_length=16)(TEXTS)
    assert np.array_equal(tokenize(TEXTS, 16), wanted.numpy())
    long = ["word " * 40]
    cut = open_clip.tokenizer.SimpleTokenizer(context_length=16)(long)
    assert np.array_equal(tokenize(long, 16), cut.numpy())


def test_compact_ids_go_back_to_open_clip_ids(vocabulary: Vocabulary) -> None:
    tokens = tokenize(TEXTS, 16)
    assert np.array_equal(vocabulary.ids[vocabulary.compact(tokens)], tokens)


def test_the_end_token_stays_the_largest(vocabulary: Vocabulary) -> None:
    tokens = tokenize(TEXTS, 16)
    assert np.array_equal(vocabulary.ends(vocabulary.compact(tokens)), tokens.argmax(1))
    assert vocabulary.ids[0] == 0
    assert vocabulary.ids[-2:].tolist() == [START, END]


def test_unknown_tokens_become_padding(vocabulary: Vocabulary) -> None:
    compact = vocabulary.compact(tokenize(["a zebra runs"], 16))[0]
    known = vocabulary.compact(tokenize(["a runs"], 16))[0]
    assert compact[compact > 0].tolist() == known[known > 0].tolist()


def test_pieces_are_what_tokens_say(vocabulary: Vocabulary) -> None:
    pieces = vocabulary.pieces()
    assert {"dog", "cats", "sofa"} <= set(pieces)
    assert pieces[-2:] == ["", ""]


def test_rows_expand_to_their_places(vocabulary: Vocabulary) -> None:
    rows = torch.arange(len(vocabulary), dtype=torch.float32)[:, None] + 1
    full = vocabulary.expanded(rows)
    assert full.shape == (FULL_SIZE, 1)
    assert full[torch.from_numpy(vocabulary.ids)].equal(rows)
    assert full.count_nonzero() == len(vocabulary)
