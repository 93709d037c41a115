"""open_clip's own tokenizer without open_clip, whose import brings torch with it.

The cleaning and the splitting are done with the same libraries and the same pattern as open_clip's
`SimpleTokenizer`; the merging by the `tokenizers` library, from open_clip's own vocabulary. Equal
by property test (`tests/encoders/test_bpe.py`).
"""

from __future__ import annotations

import gzip
import html
import string
from collections.abc import Callable, Sequence

import ftfy
import numpy as np
import regex
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import BPE

START, END = "<start_of_text>", "<end_of_text>"
_MERGES = 49_152 - 256 - 2
_PIECES = regex.compile(
    rf"{START}|{END}|'s|'t|'re|'ve|'m|'ll|'d|[\p{{L}}]+|[\p{{N}}]|[^\s\p{{L}}\p{{N}}]+",
    regex.IGNORECASE,
)
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


class BpeTokenizer:
    """Texts to rows of token ids, of one length, padded with zeros.

    `vocabulary` is the path of open_clip's `bpe_simple_vocab_16e6.txt.gz`; `clean` is one of
    `CLEANING`.
    """

    def __init__(self, vocabulary: str, context_length: int, clean: str) -> None:
        self._length = context_length
        self._clean = CLEANING[clean]
        self._bytes = _byte_characters()
        with gzip.open(vocabulary, "rt", encoding="utf-8") as file:
            lines = file.read().split("\n")[1 : _MERGES + 1]
        merges = [(first, second) for first, second in (line.split() for line in lines)]
        characters = list(self._bytes.values())
        words = [*characters, *(f"{c}</w>" for c in characters), *map("".join, merges)]
        ids = {word: number for number, word in enumerate([*words, START, END])}
        self._special = {START: ids[START], END: ids[END]}
        self._merge = Tokenizer(BPE(ids, merges, end_of_word_suffix="</w>"))

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return (n, context_length) ids; a text that is too long keeps its end mark."""
        rows = np.zeros((len(texts), self._length), np.int64)
        for row, text in zip(rows, texts, strict=True):
            ids = [self._special[START], *self._encode(text), self._special[END]]
            if len(ids) > self._length:
                ids = [*ids[: self._length - 1], self._special[END]]
            row[: len(ids)] = ids
        return rows

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for piece in _PIECES.findall(self._clean(text)):
            if piece in self._special:
                ids.append(self._special[piece])
            else:
                word = "".join(self._bytes[byte] for byte in piece.encode("utf-8"))
                ids += self._merge.encode(word, add_special_tokens=False).ids
        return ids


def _byte_characters() -> dict[int, str]:
    """Return GPT-2's table: a printable character for each byte, in the vocabulary's order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    table = {byte: chr(byte) for byte in printable}
    table.update({byte: chr(256 + number) for number, byte in enumerate(others)})
    return table


def _basic(text: str) -> str:
    return html.unescape(html.unescape(ftfy.fix_text(text))).strip()


def _whitespace(text: str) -> str:
    return " ".join(_basic(text).split())


def _lower(text: str) -> str:
    return _whitespace(text).lower()


def _canonicalize(text: str) -> str:
    plain = _basic(text).replace("_", " ").translate(_NO_PUNCTUATION)
    return " ".join(plain.lower().split())


CLEANING: dict[str, Callable[[str], str]] = {
    "lower": _lower,
    "whitespace": _whitespace,
    "canonicalize": _canonicalize,
}
"""open_clip's ways of cleaning a text, by their names there."""
