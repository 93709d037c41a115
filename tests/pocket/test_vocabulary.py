"""The compact vocabulary: there and back, and words dropped without losing the ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from retrieval.pocket.vocabulary import END, FULL_SIZE, START, Vocabulary, drop_words, tokenize

TEXTS = ["a dog runs", "a dog", "two cats sleep on a red sofa"]


@pytest.fixture
def vocabulary() -> Vocabulary:
    tokens = tokenize(TEXTS)
    return Vocabulary.covering(tokens, np.arange(len(TEXTS) + 1), always=len(TEXTS))


def test_compact_ids_go_back_to_open_clip_ids(vocabulary):
    tokens = tokenize(TEXTS)
    compact = vocabulary.compact(tokens)
    assert compact.max() == len(vocabulary) - 1
    assert np.array_equal(np.asarray(vocabulary.kept)[compact], tokens)


def test_the_end_token_stays_the_largest(vocabulary):
    tokens = tokenize(TEXTS)
    assert np.array_equal(vocabulary.compact(tokens).argmax(1), tokens.argmax(1))
    assert vocabulary.kept[0] == 0
    assert vocabulary.kept[-2:] == (START, END)


def test_unknown_tokens_are_an_error_or_left_out(vocabulary):
    tokens = tokenize(["a zebra runs"])
    with pytest.raises(KeyError):
        vocabulary.compact(tokens)
    assert np.array_equal(
        vocabulary.compact_known(tokens), vocabulary.compact(tokenize(["a runs"]))
    )


def test_rare_tokens_are_not_kept():
    tokens = tokenize(TEXTS)
    common = Vocabulary.covering(tokens, np.arange(len(TEXTS) + 1), always=0)
    kept = set(tokenize(["a dog"])[0].tolist())
    assert set(common.kept) == kept


def test_rows_expand_to_their_places(vocabulary):
    rows = torch.arange(len(vocabulary), dtype=torch.float32)[:, None] + 1
    full = vocabulary.expand_rows(rows)
    assert full.shape == (FULL_SIZE, 1)
    assert full[list(vocabulary.kept)].equal(rows)
    assert full.count_nonzero() == len(vocabulary)


def test_dropping_words_keeps_order_start_and_end(vocabulary):
    tokens = vocabulary.compact(tokenize(TEXTS))
    rng = np.random.default_rng(0)
    for _ in range(20):
        found = drop_words(tokens, 0.5, rng, longest=32)
        for before, after in zip(tokens, found, strict=True):
            words = [token for token in after.tolist() if token]
            assert words[:2] == before[:2].tolist()
            assert words[-1] == before.max()
            rest = iter(before.tolist())
            assert all(word in rest for word in words)


def test_long_texts_are_cut_before_the_end_token(vocabulary):
    tokens = vocabulary.compact(tokenize(TEXTS))
    found = drop_words(tokens, 0.0, np.random.default_rng(0), longest=5)
    assert found.shape == (3, 5)
    assert found[0].tolist() == tokens[0, :5].tolist()
    assert found[2].tolist() == [*tokens[2, :4].tolist(), tokens[2].max()]
