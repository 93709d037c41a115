"""A compact vocabulary: only the tokens that the training texts use.

open_clip's tokenizer has 49,408 tokens; the training texts use two thirds of them. Training has
rows only for those, and the export writes them to their places in the full table; all other rows
are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.tokenizer import SimpleTokenizer

Tokens = NDArray[np.int32]

FULL_SIZE = 49_408
START, END = FULL_SIZE - 2, FULL_SIZE - 1


@cache
def _tokenizer() -> SimpleTokenizer:
    return SimpleTokenizer()


def tokenize(texts: Sequence[str], context: int) -> Tokens:
    """Return rows (n, context) of open_clip's token ids, padded with 0."""
    rows = np.zeros((len(texts), context), np.int32)
    for row, text in zip(rows, texts, strict=True):
        ids = [START, *_tokenizer().encode(text)[: context - 2], END]
        row[: len(ids)] = ids
    return rows


@dataclass(frozen=True)
class Vocabulary:
    """The used token ids in ascending order; the position of an id is its compact id.

    The order matters: open_clip reads a text at its largest id, which is the end token.
    """

    ids: NDArray[np.int64]

    @classmethod
    def of(cls, *tokens: Tokens) -> Vocabulary:
        """Return the vocabulary of all tokens that the texts use."""
        used = [np.unique(rows) for rows in tokens]
        return cls(np.unique(np.concatenate([*used, [0, START, END]])).astype(np.int64))

    def __len__(self) -> int:
        return len(self.ids)

    def compact(self, tokens: Tokens) -> Tokens:
        """Convert open_clip's ids to compact ids; unused tokens become padding."""
        places = np.searchsorted(self.ids, tokens).clip(max=len(self) - 1)
        return np.where(self.ids[places] == tokens, places, 0).astype(np.int32)

    def ends(self, tokens: Tokens) -> NDArray[np.int64]:
        """Return the positions (n,) of the end tokens in rows (n, context) of compact ids."""
        ends: NDArray[np.int64] = tokens.argmax(axis=1)
        return ends

    def pieces(self) -> list[str]:
        """Return each token as text, "" for the start and end marks."""
        tokenizer = _tokenizer()
        return [
            "" if token >= START else tokenizer.decode([token]).strip()
            for token in self.ids.tolist()
        ]

    def expanded(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the full table (`FULL_SIZE`, width) with the tokens' rows, zero elsewhere."""
        full = torch.zeros(FULL_SIZE, rows.shape[1], dtype=rows.dtype)
        full[torch.from_numpy(self.ids)] = rows
        return full
