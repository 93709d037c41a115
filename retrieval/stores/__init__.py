"""Vector stores answer one question: which of the stored vectors are nearest to a query."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

IdSet = NDArray[np.int64]
"""A set of vector ids as a sorted array without repeats."""

Scores = NDArray[np.float32]
Ids = NDArray[np.int64]


class VectorStore(Protocol):
    """Vectors under ids of the caller's choosing. Scores are cosine: higher is nearer.

    Rows of `vectors` and `queries` are unit vectors of one dimension.
    """

    def upsert(self, ids: Ids, vectors: NDArray[np.float32]) -> None:
        """Store (n, dim) vectors under (n,) ids; an id that is known is replaced."""
        ...

    def remove(self, ids: Ids) -> None:
        """Forget ids; unknown ones are ignored."""
        ...

    def search(
        self, queries: NDArray[np.float32], k: int, allowed: IdSet | None = None
    ) -> tuple[Scores, Ids]:
        """Return the k nearest of each of (q, dim) queries: scores and ids, both (q, min(k, n)).

        n counts the stored vectors, or those of them in `allowed`. Rows are sorted by falling
        score, equal scores by rising id, so that a smaller k gives a prefix of a larger one.
        """
        ...

    def ids(self) -> Ids:
        """Return all stored ids, rising."""
        ...

    def vectors(self, ids: Ids) -> NDArray[np.float32]:
        """Return the (n, dim) vectors of (n,) stored ids, in their order; KeyError for others."""
        ...

    def count(self) -> int:
        """Return how many vectors are stored."""
        ...
