"""A compact vocabulary: only the tokens that the training texts use.

open_clip's tokenizer knows 49,408 tokens; the texts here use two thirds of them. Training keeps
rows for those alone, and export writes them back to their places; all other rows stay zero.
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
    """Turn texts into rows of open_clip's token ids, padded with 0 to the context length."""
    rows = np.zeros((len(texts), context), np.int32)
    for row, text in zip(rows, texts, strict=True):
        ids = [START, *_tokenizer().encode(text)[: context - 2], END]
        row[: len(ids)] = ids
    return rows


@dataclass(frozen=True)
class Vocabulary:
    """The kept token ids in ascending order; the position of an id is its compact id.

    The order matters: open_clip reads a text at its *largest* id, which is the end token.
    """

    kept: NDArray[np.int64]

    @classmethod
    def of(cls, *tokens: Tokens) -> Vocabulary:
        """Keep what any of the texts uses."""
        used = [np.unique(rows) for rows in tokens]
        return cls(np.unique(np.concatenate([*used, [0, START, END]])).astype(np.int64))

    def __len__(self) -> int:
        return len(self.kept)

    def compact(self, tokens: Tokens) -> Tokens:
        """Turn open_clip's ids into compact ids; tokens that are not kept become padding."""
        places = np.searchsorted(self.kept, tokens).clip(max=len(self) - 1)
        return np.where(self.kept[places] == tokens, places, 0).astype(np.int32)

    def ends(self, tokens: Tokens) -> NDArray[np.int64]:
        """Return where each row (n, context) of compact ids ends."""
        ends: NDArray[np.int64] = tokens.argmax(axis=1)
        return ends

    def pieces(self) -> list[str]:
        """Return what each kept token stands for, as a text; "" for the two marks."""
        tokenizer = _tokenizer()
        return [
            "" if token >= START else tokenizer.decode([token]).strip()
            for token in self.kept.tolist()
        ]

    def expanded(self, rows: torch.Tensor) -> torch.Tensor:
        """Put rows of kept tokens into the full table, zero where nothing was learned."""
        full = torch.zeros(FULL_SIZE, rows.shape[1], dtype=rows.dtype)
        full[torch.from_numpy(self.kept)] = rows
        return full
