"""A compact vocabulary: only the tokens that the training texts use.

open_clip's tokenizer knows 49,408 tokens; the captions here use about a quarter of them. Training
keeps embedding rows for those alone, which saves memory and optimizer time, and export writes them
back to their places (all other rows stay zero, and zeros compress to nothing).
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
CONTEXT = 32
START, END = FULL_SIZE - 2, FULL_SIZE - 1


@cache
def _tokenizer() -> SimpleTokenizer:
    return SimpleTokenizer(context_length=CONTEXT)


def tokenize(texts: Sequence[str]) -> Tokens:
    """Turn texts into rows of open_clip token ids, padded with 0 to the context length."""
    ids = _tokenizer()(list(texts))
    return np.asarray(ids.numpy(), dtype=np.int32)


@dataclass(frozen=True)
class Vocabulary:
    """The kept open_clip token ids in ascending order; the position of an id is its compact id.

    The order matters: open_clip reads the text feature at the *largest* id of a row, which is the
    end token; and padding must stay 0. Keeping the order keeps both.
    """

    kept: tuple[int, ...]

    @classmethod
    def covering(cls, tokens: Tokens, starts: NDArray[np.int64], always: int) -> Vocabulary:
        """Keep the tokens that at least two text groups use, and all of the first `always` texts.

        A word that a single picture's captions use cannot be learned, only memorised.
        """
        groups = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        pairs = np.unique((groups[:, None] * FULL_SIZE + tokens.astype(np.int64)).ravel())
        common = np.flatnonzero(np.bincount(pairs % FULL_SIZE, minlength=FULL_SIZE) >= 2)
        used = {*common.tolist(), *np.unique(tokens[:always]).tolist()}
        return cls(tuple(sorted(used | {0, START, END})))

    def __len__(self) -> int:
        return len(self.kept)

    def compact(self, tokens: Tokens) -> Tokens:
        """Turn open_clip ids into compact ids; an unknown token is an error, not another one."""
        kept = np.asarray(self.kept, dtype=np.int32)
        places = np.searchsorted(kept, tokens).clip(max=len(kept) - 1)
        if not np.array_equal(kept[places], tokens):
            unknown = np.setdiff1d(tokens, kept)
            raise KeyError(f"{len(unknown)} tokens are not in the vocabulary, first {unknown[0]}")
        return places.astype(np.int32)

    def compact_known(self, tokens: Tokens) -> Tokens:
        """Do as `compact` does, but leave unknown words out."""
        known = np.isin(tokens, np.asarray(self.kept, dtype=np.int32))
        order = np.argsort(~known, axis=1, kind="stable")
        return self.compact(np.take_along_axis(np.where(known, tokens, 0), order, axis=1))

    def expand_rows(self, rows: torch.Tensor) -> torch.Tensor:
        """Put embedding rows of kept tokens into the full table, zero where nothing was trained."""
        full = torch.zeros(FULL_SIZE, rows.shape[1], dtype=rows.dtype)
        full[list(self.kept)] = rows
        return full


def drop_words(tokens: Tokens, share: float, rng: np.random.Generator, longest: int) -> Tokens:
    """Remove about `share` of the words of each row, close the gaps, cut to `longest` tokens.

    Start, end and padding stay; a row never loses all its words, because the first one stays too.
    """
    ends = tokens.argmax(axis=1)
    places = np.arange(tokens.shape[1])[None, :]
    words = (places > 1) & (places < ends[:, None])
    dropped = words & (rng.random(tokens.shape) < share)
    order = np.argsort(dropped, axis=1, kind="stable")
    kept = np.take_along_axis(np.where(dropped, 0, tokens), order, axis=1)[:, :longest]
    cut = kept.max(axis=1) < tokens.max(axis=1)
    kept[cut, -1] = tokens.max(axis=1)[cut]
    return kept
