"""Find the words of a query that a model has never seen in training.

A checkpoint can include `known_words.txt.gz`: the words of its training texts, UTF-8, lower case,
sorted, one per line. A word is known if the list contains it or its base form. In scripts without
spaces between words, each character must occur in the list. For a model without a list, only the
script decides: an English-only model knows no words in other scripts than Latin.
"""

from __future__ import annotations

import gzip
import os
import re
import unicodedata
import zlib
from collections.abc import Iterator
from functools import cache, lru_cache

from retrieval.encoders.models.registry import require_files
from retrieval.encoders.texts.languages import is_multilingual
from retrieval.errors import ModelError
from retrieval.query.tokens import is_unspaced

FILE = "known_words.txt.gz"

_SHORTEST_STEM = 3
_SHORTEST_PART = 4
_SUFFIXES = (
    *(("s", ""), ("es", ""), ("ies", "y"), ("ves", "f"), ("ves", "fe"), ("ed", ""), ("ed", "e")),
    *(("ied", "y"), ("ing", ""), ("ing", "e"), ("er", ""), ("er", "e"), ("ers", ""), ("est", "")),
    *(("ers", "e"), ("est", "e"), ("ier", "y"), ("iest", "y"), ("ly", ""), ("ily", "y")),
)
_DOUBLING = ("ed", "ing", "er", "ers", "est")


def unknown_words(text: str, reference: str) -> tuple[str, ...]:
    """Return the words of a text that a model has never seen, as written, without duplicates.

    `reference` names the model. Returns () if its vocabulary is unknown.
    """
    found = list(_words(unicodedata.normalize("NFKC", text)))
    if all(word.lower() in _common() for word in found):
        return ()
    listed = _listed(reference)
    if listed:
        unknown = [part for word in found for part in _unknown_parts(word, listed)]
    elif is_multilingual(reference) is False:
        unknown = [word for word in found if not _symbol(word[0]) and not _latin(word)]
    else:
        return ()
    return tuple(dict.fromkeys(unknown))


def _words(text: str) -> Iterator[str]:
    """Yield words of letters and combining marks, runs of an unspaced script, and symbols."""
    word = ""
    for character in text:
        if _symbol(character):
            yield from filter(None, (word, character))
            word = ""
        elif not _of_a_word(character):
            yield from filter(None, (word,))
            word = ""
        elif word and is_unspaced(word[0]) != is_unspaced(character) and not _mark(character):
            yield word
            word = character
        else:
            word += character
    yield from filter(None, (word,))


def _unknown_parts(word: str, listed: bytes) -> Iterator[str]:
    """Yield the word if it is unknown; for an unspaced script, its runs of unknown characters."""
    if not is_unspaced(word[0]) and not _symbol(word[0]):
        if not _known(word.lower(), listed):
            yield word
        return
    run = ""
    for character in word:
        if character.encode() in listed:
            yield from filter(None, (run,))
            run = ""
        else:
            run += character
    yield from filter(None, (run,))


@lru_cache(maxsize=4096)  # a list is searched from its beginning: half a millisecond a word
def _known(word: str, listed: bytes) -> bool:
    if len(word) == 1 and word.isascii():  # left over from an apostrophe or a hyphen
        return True
    if any(_has(stem, listed) for stem in _stems(word)):
        return True
    cuts = range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1)
    return any(_has(word[:cut], listed) and _has(word[cut:], listed) for cut in cuts)


def _stems(word: str) -> Iterator[str]:
    """Yield a word, the word without accents, and its possible base forms in English."""
    plain = "".join(c for c in unicodedata.normalize("NFD", word) if not _mark(c))
    yield word
    yield plain
    for suffix, instead in _SUFFIXES:
        stem = plain.removesuffix(suffix)
        if stem == plain or len(stem) < _SHORTEST_STEM:
            continue
        yield stem + instead
        if suffix in _DOUBLING and stem[-1] == stem[-2]:
            yield stem[:-1]


def _has(word: str, listed: bytes) -> bool:
    return b"\n%s\n" % word.encode("utf-8", "replace") in listed


def _listed(reference: str) -> bytes:
    """Return a model's word list, each word between line feeds, b"" if it has none."""
    try:
        folder = require_files(reference).folder
    except ModelError:  # the model is not on disk, but the library's vectors can still be searched
        return b""
    path = os.path.join(folder, FILE) if folder else ""
    try:
        return _read(path, os.stat(path).st_mtime_ns)
    except OSError:
        return b""


@lru_cache(maxsize=2)
def _read(path: str, _mtime_ns: int) -> bytes:
    """Return a word list; b"" for a damaged one, because a search works without it."""
    try:
        with open(path, "rb") as file:
            words = gzip.decompress(file.read()).strip()
    except (OSError, EOFError, zlib.error):
        return b""
    return b"\n%s\n" % words if words else b""


@cache
def _common() -> frozenset[str]:
    """Return words that every list contains, so that most queries need not load a list."""
    path = os.path.join(os.path.dirname(__file__), "everyday.txt")
    with open(path, encoding="utf-8") as file:
        lines = re.sub("^#.*$", "", file.read().lower(), flags=re.MULTILINE)
    return frozenset(re.findall(r"[^\W\d_]+", lines))


def _of_a_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"


def _mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _symbol(character: str) -> bool:
    return unicodedata.category(character) == "So"


def _latin(word: str) -> bool:
    letters = [c for c in word if unicodedata.category(c)[0] == "L"]
    return all(unicodedata.name(c, "").startswith(("LATIN", "MODIFIER")) for c in letters)
