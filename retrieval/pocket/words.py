"""Word targets: which telling words the captions of a picture use, as a distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.pocket.corpus import Texts


def word_targets(texts: Texts, first_group: int, words: int) -> NDArray[np.float16]:
    """Weigh the `words` commonest tokens by how often each group uses them, rarer ones more.

    Rows sum to 1 (0 where a group has none of the words, and for the class groups before
    `first_group`). Words in more than a tenth of all groups ("a", "in", the end token) tell nothing
    and are left out.
    """
    groups = np.repeat(np.arange(len(texts)), np.diff(texts.starts))
    size = int(texts.tokens.max()) + 1
    caption = groups >= first_group
    pairs = np.unique(
        (groups[caption, None] * size + texts.tokens[caption]).ravel(), return_counts=True
    )
    group, token = pairs[0] // size, pairs[0] % size
    spread = np.bincount(token, minlength=size)
    total = len(texts) - first_group
    spread[spread > total // 10] = 0
    chosen = np.argsort(-spread, kind="stable")[:words]
    column = np.full(size, -1)
    column[chosen] = np.arange(len(chosen))
    kept = column[token] >= 0
    out = np.zeros((len(texts), words), np.float32)
    weight = np.log(total / np.maximum(spread[token[kept]], 1))
    out[group[kept], column[token[kept]]] = pairs[1][kept] * weight
    shares = out / np.maximum(out.sum(axis=1, keepdims=True), 1e-6)
    return np.asarray(shares, dtype=np.float16)
