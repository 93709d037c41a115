"""Words of a text as the full-text index has them, and a question as its search expression.

Scripts that put no spaces between words are cut into pairs: "海滩上" is indexed as 海滩 滩上 上, so
that a word of two characters is one token, a sentence finds what shares pairs with it, and a single
character is the beginning of a token. (SQLite's own trigrams find nothing of fewer than three
characters, and most Chinese words have two.) Everything else is left to SQLite's unicode61, which
folds case and accents, and its English stemmer.
"""

from __future__ import annotations

import re
import unicodedata

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\uac00-\ud7af]+"  # Hangul, whose particles cling to the words
)
_WORD = re.compile(r"[^\W_]+")

_MOST_TOKENS = 64

# Words that say nothing of a picture; they are in nearly every caption, and slow a question down.
_EMPTY = frozenset(
    {
        "a", "an", "and", "are", "as", "at", "by", "for", "from", "has", "have", "i", "image",
        "images", "in", "is", "it", "its", "of", "on", "or", "photo", "photograph", "photos",
        "picture", "pictures", "some", "that", "the", "their", "there", "these", "this", "to",
        "was", "were", "which", "with",
    }
)  # fmt: skip


def indexed(text: str) -> str:
    """Return a text as it goes into the index."""
    return _UNSPACED.sub(lambda run: f" {' '.join(_pairs(run[0]))} ", plain(text))


def plain(text: str) -> str:
    """Return a text in Unicode's compatibility form: full-width letters are letters."""
    return unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8"))


def terms(question: str) -> tuple[str, ...]:
    """Return the FTS5 expressions of a question's words, one each; () when it has none."""
    tokens = dict.fromkeys(_tokens(plain(question).lower()))
    telling = [token for token in tokens if token not in _EMPTY] or list(tokens)
    return tuple(_quoted(token) for token in telling[:_MOST_TOKENS])


def is_unspaced(character: str) -> bool:
    """Tell whether a character is of a script that puts no spaces between words."""
    return _UNSPACED.fullmatch(character) is not None


def is_pair(term: str) -> bool:
    """Tell whether an expression of `terms` is a pair out of a script without spaces."""
    return _UNSPACED.fullmatch(term.strip('"*')) is not None


def words_of(question: str) -> tuple[str, ...]:
    """Return the words of a question that a snippet should show, in lower case."""
    tokens = dict.fromkeys(_tokens(plain(question).lower()))
    return tuple(token for token in tokens if token not in _EMPTY)


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    for run in _WORD.findall(_UNSPACED.sub(lambda run: f" {run[0]} ", text)):
        # The pair that ends with the run's last character holds it already.
        found += _pairs(run)[: max(len(run) - 1, 1)] if _UNSPACED.fullmatch(run) else [run]
    return found


def _pairs(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(len(run))]


def _quoted(token: str) -> str:
    alone = len(token) == 1 and _UNSPACED.fullmatch(token)
    return f'"{token}"*' if alone else f'"{token}"'
