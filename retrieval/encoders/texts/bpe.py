"""open_clip's own tokenizer without open_clip, whose import loads torch.

Cleaning and splitting use the same libraries and the same pattern as open_clip's
`SimpleTokenizer`; merging uses its vocabulary. A property test checks that the results are equal
(`tests/encoders/test_bpe.py`). A few words merge in microseconds; for a query from the shell, the
time to load the table of merges matters. A plain dict of the first part of the file loads ten
times faster than a tokenizer library.
"""

from __future__ import annotations

import functools
import gzip
import heapq
import html
import re
import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

START, END = "<start_of_text>", "<end_of_text>"
_MERGES = 49_152 - 256 - 2
_BYTES_OF_MERGES = 600_000  # the rest of the file has merges that no model uses
_PIECES = rf"{START}|{END}|'s|'t|'re|'ve|'m|'ll|'d|[{{L}}]+|[{{N}}]|[^\s{{L}}{{N}}]+"
_ASCII_PIECES = re.compile(_PIECES.format(L="a-z", N="0-9"), re.IGNORECASE | re.ASCII)
_KNOWN_WORDS = 100_000
_LONG_WORD = 100  # characters; the ids of longer words are not kept
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


class BpeTokenizer:
    """Converts texts to rows of token ids of one length, padded with zeros.

    `vocabulary` is the path of open_clip's `bpe_simple_vocab_16e6.txt.gz`; `clean` is one of
    `CLEANING`. Ids: 256 byte characters, the same 256 at the end of a word, the merges in the
    order of the file, then the start and end marks.
    """

    def __init__(self, vocabulary: str, context_length: int, clean: str) -> None:
        self._length = context_length
        self._clean = CLEANING[clean]
        self._bytes = _byte_characters()
        with gzip.open(vocabulary) as file:
            lines = file.read(_BYTES_OF_MERGES).decode("utf-8", "ignore").split("\n")
        self._ranks = {pair: rank for rank, pair in enumerate(lines[1 : _MERGES + 1])}
        self._characters = {c: number for number, c in enumerate(self._bytes.values())}
        self._special = {START: 512 + _MERGES, END: 513 + _MERGES}
        self._known: dict[str, list[int]] = {}

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return (n, context_length) ids; a text that is too long is cut before its end mark."""
        rows = np.zeros((len(texts), self._length), np.int64)
        for row, text in zip(rows, texts, strict=True):
            ids = [self._special[START], *self._encode(text), self._special[END]]
            if len(ids) > self._length:
                ids = [*ids[: self._length - 1], self._special[END]]
            row[: len(ids)] = ids
        return rows

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for piece in _pieces(self._clean(text)):
            if len(ids) >= self._length:
                break  # the rest would be cut
            ids += self._of_piece(piece)
        return ids

    def _of_piece(self, piece: str) -> list[int]:
        if piece in self._special:
            return [self._special[piece]]
        if len(piece) > _LONG_WORD:
            return self._merged(piece)
        if piece not in self._known:
            if len(self._known) >= _KNOWN_WORDS:
                self._known.clear()
            self._known[piece] = self._merged(piece)
        return self._known[piece]

    def _merged(self, piece: str) -> list[int]:
        """Byte-pair encode one word: apply the earliest merge of the table everywhere, repeat.

        The heap has the pairs that may be merged, as (rank, place). So a "word" of 64 KB, such as a
        file in base64, takes a fraction of a second, not a quarter of a minute.
        """
        parts = [self._bytes[byte] for byte in piece.encode("utf-8")]
        ids = [self._characters[part] for part in parts]
        parts[-1] += "</w>"
        ids[-1] += 256
        count = len(parts)
        before, after = list(range(-1, count - 1)), list(range(1, count + 1))

        def rank(at: int) -> int:
            there = at >= 0 and after[at] < count
            return self._ranks.get(f"{parts[at]} {parts[after[at]]}", _MERGES) if there else _MERGES

        pairs = [(rank(at), at) for at in range(count - 1)]
        pairs = [pair for pair in pairs if pair[0] < _MERGES]
        heapq.heapify(pairs)
        while pairs:
            best, new = pairs[0][0], []
            while pairs and pairs[0][0] == best:
                at = heapq.heappop(pairs)[1]
                if rank(at) != best:  # another merge has taken one of its parts
                    continue
                gone = after[at]
                parts[at], ids[at], after[at] = parts[at] + parts[gone], 512 + best, after[gone]
                parts[gone], after[gone] = "", count
                if after[at] < count:
                    before[after[at]] = at
                new += [before[at], at]
            # Pairs that this merge has made wait until it has been applied everywhere.
            for at in new:
                if rank(at) < _MERGES:
                    heapq.heappush(pairs, (rank(at), at))
        return [number for part, number in zip(parts, ids, strict=True) if part]


def _pieces(text: str) -> list[str]:
    """Split a text into words, digits and the characters between them."""
    pattern = _ASCII_PIECES if text.isascii() else _all_pieces()  # the latter loads slowly
    pieces: list[str] = pattern.findall(text)
    return pieces


@functools.cache
def _all_pieces() -> Any:
    import regex

    return regex.compile(_PIECES.format(L=r"\p{L}", N=r"\p{N}"), regex.IGNORECASE)


def _byte_characters() -> dict[int, str]:
    """Return GPT-2's table of a printable character for each byte, in the vocabulary's order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    table = {byte: chr(byte) for byte in printable}
    table.update({byte: chr(256 + number) for number, byte in enumerate(others)})
    return table


def _basic(text: str) -> str:
    if text.isascii() and text.isprintable() and "&" not in text:
        return text.strip()  # nothing to fix, so ftfy need not load
    import ftfy

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
"""open_clip's text cleaning functions, by their names in open_clip."""
