"""Turns texts into words for the full-text index, and queries into its search expressions.

Text in scripts without spaces between words is split into pairs of characters: "海滩上" is indexed
as 海滩 滩上 上. So a word of two characters is one token, a sentence matches texts that share pairs
with it, and a single character matches as the prefix of a token. (SQLite's trigram tokenizer cannot
find fewer than three characters, and most Chinese words have two.) SQLite's unicode61 tokenizer,
which folds case and accents, and its English stemmer do the rest.
"""

from __future__ import annotations

import re
import unicodedata

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\uac00-\ud7af]+"  # Hangul, because particles are attached to words
)
_WORD = re.compile(r"[^\W_]+")

_MOST_TOKENS = 64

# Words that are in nearly every caption: they do not distinguish pictures, and slow queries down.
_STOP_WORDS = frozenset(
    {
        "a", "an", "and", "are", "as", "at", "by", "for", "from", "has", "have", "i", "image",
        "images", "in", "is", "it", "its", "of", "on", "or", "photo", "photograph", "photos",
        "picture", "pictures", "some", "that", "the", "their", "there", "these", "this", "to",
        "was", "were", "which", "with",
    }
)  # fmt: skip


def indexed(text: str) -> str:
    """Return a text as the index stores it."""
    return _UNSPACED.sub(lambda run: f" {' '.join(_pairs(run[0]))} ", plain(text))


def plain(text: str) -> str:
    """Return a text in Unicode form NFKC, in which full-width letters become plain letters."""
    return unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8"))


def terms(query: str) -> tuple[str, ...]:
    """Return an FTS5 expression for each word of a query; () if it has none.

    Stop words count only if there are no other words.
    """
    tokens = dict.fromkeys(_tokens(plain(query).lower()))
    words = [token for token in tokens if token not in _STOP_WORDS] or list(tokens)
    return tuple(_quoted(token) for token in words[:_MOST_TOKENS])


def is_unspaced(character: str) -> bool:
    """Return whether a character belongs to a script without spaces between words."""
    return _UNSPACED.fullmatch(character) is not None


def is_pair(term: str) -> bool:
    """Return whether an expression of `terms` is a pair from a script without spaces."""
    return _UNSPACED.fullmatch(term.strip('"*')) is not None


def query_words(query: str) -> tuple[str, ...]:
    """Return the words of a query in lower case, without stop words."""
    tokens = dict.fromkeys(_tokens(plain(query).lower()))
    return tuple(token for token in tokens if token not in _STOP_WORDS)


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    for run in _WORD.findall(_UNSPACED.sub(lambda run: f" {run[0]} ", text)):
        # The last pair already contains the last character.
        found += _pairs(run)[: max(len(run) - 1, 1)] if _UNSPACED.fullmatch(run) else [run]
    return found


def _pairs(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(len(run))]


def _quoted(token: str) -> str:
    alone = len(token) == 1 and _UNSPACED.fullmatch(token)
    return f'"{token}"*' if alone else f'"{token}"'
