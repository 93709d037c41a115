"""The tokenizer without torch gives open_clip's ids, whatever it is given."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retrieval.encoders.models import tables
from retrieval.encoders.texts.bpe import CLEANING, BpeTokenizer

pytestmark = pytest.mark.slow

HARD = [
    "", " ", "a", "A dog's ball isn't the dogs'", "don't DON'T I'LL we'Ve", "naïve café ÀÉÎ",
    "狗在海滩上", "كلب على الشاطئ", "две собаки", "ein Mädchen läuft über die Straße",
    "🐶🏖️ 👩‍👩‍👧‍👦 🇩🇪",
    "&lt;b&gt; &amp;amp; &quot;x&quot; &#39;", "<start_of_text> hi <END_OF_TEXT> <end_of_text>",
    "1234567890 12,345.67 ½ ² Ⅷ", "tabs\tand\nnewlines\r\n and   spaces", "word " * 200,
    "supercalifragilisticexpialidocious" * 8, "a_b__c -- … !?!? ((()))", "\u0130stanbul ẞ ﬁ ǅ",
    "mojibake: schÃ¶n â€œquotedâ€\x9d", "\x00\x01\x7f\u200b\u200d\ufeff",
    "\ud7ff\ue000\uffff\U0010ffff",
    "combining: e\u0301 n\u0303 \u1100\u1161\u11a8", "ᚠᛇᚻ ਪੰਜਾਬੀ ไทย हिन्दी 한국어",
]  # fmt: skip


@cache
def both(clean: str, length: int) -> tuple[Any, BpeTokenizer]:
    from open_clip.tokenizer import SimpleTokenizer

    vocabulary = os.path.join(tables.package_dir(), "bpe_simple_vocab_16e6.txt.gz")
    return (
        SimpleTokenizer(context_length=length, clean=clean),
        BpeTokenizer(vocabulary, length, clean),
    )


@pytest.mark.parametrize("clean", CLEANING)
@pytest.mark.parametrize("length", [77, 32, 8])
def test_hard_texts(clean: str, length: int) -> None:
    theirs, ours = both(clean, length)
    np.testing.assert_array_equal(ours(HARD), theirs(HARD).numpy())
    assert ours([]).shape == (0, length)


@pytest.mark.parametrize("clean", CLEANING)
@settings(max_examples=400)
@given(text=st.text(max_size=120))
@example("ß" * 100)
def test_any_text(clean: str, text: str) -> None:
    theirs, ours = both(clean, 77)
    np.testing.assert_array_equal(ours([text]), theirs([text]).numpy())


@settings(max_examples=300)
@given(
    text=st.lists(
        st.one_of(
            st.sampled_from(
                ["'s", "'T", "&amp;", "<end_of_text>", "dog", " ", "É", "狗", "🐶", "1"]
            ),
            st.characters(),
        ),
        max_size=40,
    ).map("".join)
)
def test_any_mixture(text: str) -> None:
    theirs, ours = both("lower", 77)
    np.testing.assert_array_equal(ours([text]), theirs([text]).numpy())


@pytest.mark.parametrize("letters", ["etaoin", "ab", "a", "aé狗"])
def test_long_words(letters: str) -> None:
    theirs, ours = both("lower", 77)
    random = np.random.default_rng(3)
    words = ["".join(random.choice(list(letters), 400)) for _ in range(5)]
    np.testing.assert_array_equal(ours(words), theirs(words).numpy())


def test_a_word_is_not_looked_at_again_and_again() -> None:
    """A file in base64 beside a picture is one word of 64 KB."""

    class Counted(dict[str, int]):
        asked = 0

        def get(self, key: str, otherwise: Any = None) -> Any:
            self.asked += 1
            return super().get(key, otherwise)

    tokenizer = BpeTokenizer(tables.bpe_vocabulary(), 77, "lower")
    counted = tokenizer._ranks = Counted(tokenizer._ranks)
    random = np.random.default_rng(3)
    word = "".join(random.choice(list("etaoinshrdlu"), 20_000))
    assert tokenizer([word]).shape == (1, 77)
    assert counted.asked < 20 * len(word)
    assert tokenizer._known == {}
    counted.asked = 0
    tokenizer(["dog " * 20_000])
    assert counted.asked < 100
