"""Vector stores find the nearest of many vectors. This module is their contract.

A store is a cache. The catalogue holds every vector, `LiveIndex` decides when to build a store from
them, and the file may be deleted at any time. So a store never changes: rows that come later are
compared beside it, rows that left are masked, and now and then it is rebuilt.

A back end is one module here and one line in `backends.BACKENDS`. It has two parts: a factory
(`StoreFactory`) that builds a store or loads one, often the class itself with two class methods,
and the store (`VectorStore`) that answers. `tests/stores/test_contract.py` checks the contract for
each back end that is listed.

What holds for all of them:

- Vectors are float32 rows of length 1 and of one dimension `dim`. They come from the catalogue, so
  half floats hold them exactly, and a store may keep them as half floats.
- Ids are int64 and chosen by the caller: row ids of SQLite, so at least 0, and small enough for an
  array with one entry for each number up to the greatest.
- A score is the cosine of two vectors: higher is nearer. It may be off by what float32 loses in the
  sum, about 1e-6.
- A back end misses nothing, unless it is listed as not `exact` (`backends.Backend`): then it is an
  `ApproximateStore`. Its scores are true, but some of the nearest may be missing. How many is
  measured, and where it was not measured, it answers exactly.
- The caller uses a store from one thread at a time, and changes no array that it gets from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from retrieval.query.where.conditions import Condition
    from retrieval.stores.tuning import Tuning

Scores = NDArray[np.float32]
Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

IdSet = NDArray[np.int64]
"""A set of ids as a sorted array without repeats."""

Pages = Iterable[tuple[Ids, Vectors]]
"""Vectors a part at a time: (n,) ids and their (n, dim) vectors. Ids rise over all the pages."""


@dataclass(frozen=True, slots=True)
class StoreHeader:
    """What a saved store was built from: `LiveIndex` compares it with the catalogue.

    A factory keeps it as it is. `fingerprint` is the model's, `generation` and `stamp` are those
    of the catalogue's snapshot, `count` is the number of vectors and `last_id` the greatest id, 0
    when there is none. `damaged` are the ids of vectors that the catalogue holds, but not sound.
    """

    fingerprint: str
    dim: int
    generation: int
    stamp: str
    count: int
    last_id: int
    damaged: list[int] = field(default_factory=list)


class VectorStore(Protocol):
    """Vectors under ids, to be searched and read."""

    def search(self, queries: Vectors, k: int, allowed: IdSet | None = None) -> tuple[Scores, Ids]:
        """Return the k nearest of each of (q, dim) queries: scores and ids, both (q, min(k, n)).

        `q` is at least 1, `k` at least 0. `n` is the number of stored vectors, or of those in
        `allowed`; ids in `allowed` that are not stored count for nothing. Each row is sorted by
        falling score, equal scores by rising id, so a smaller k gives a prefix of a larger one.
        Equal vectors have equal scores, wherever they are stored.
        """
        ...

    def ids(self) -> Ids:
        """Return all stored ids, (n,), rising."""
        ...

    def vectors(self, ids: Ids) -> Vectors:
        """Return the (n, dim) vectors of (n,) stored ids, in the order given.

        Raises KeyError when one of the ids is not stored.
        """
        ...

    def count(self) -> int:
        """Return how many vectors are stored."""
        ...


@runtime_checkable
class ApproximateStore(VectorStore, Protocol):
    """A store whose `search` may miss some of the nearest."""

    tuning: Tuning | None

    def exact(self, queries: Vectors, k: int, allowed: IdSet | None = None) -> tuple[Scores, Ids]:
        """Return what an exact store's `search` returns."""
        ...

    def tune(self, texts: Vectors) -> Tuning:
        """Trade recall for time by questions in words (t, dim), from now on and when loaded again.

        Until then, `tuning` is None and `search` is exact.
        """
        ...


class BuiltStore(VectorStore, Protocol):
    """A store that was just built: it answers, and can be saved."""

    def save(self, path: str, header: StoreHeader) -> None:
        """Publish the store and its header under `path`, whose folder exists.

        Atomic: a load at any moment gets the old store or the new one, and a store that
        was loaded before keeps its vectors. Raises OSError when it cannot be written, and leaves
        what was there before.
        """
        ...


class VectorIndex(Protocol):
    """One model's vectors as they are in the catalogue now: `LiveIndex`, or one on a server.

    The caller holds `catalogue.reading()`, so that all it gets is of one moment. For one thread.
    """

    def search(
        self,
        queries: Vectors,
        k: int,
        allowed: IdSet | None = None,
        where: Condition | None = None,
    ) -> tuple[Scores, Ids]:
        """Return the k nearest of one query (1, dim): see `VectorStore.search`.

        `where` is the filter whose pictures `allowed` are, if there is one.
        """
        ...

    def vectors(self, ids: Ids) -> Vectors:
        """Return the (n, dim) vectors of (n,) ids that a search has returned, in their order."""
        ...

    def damaged(self) -> Ids:
        """Return the rising ids of live vectors that are damaged, and therefore in no answer."""
        ...

    def holds(self, ids: Ids) -> NDArray[np.bool_]:
        """Tell for each of (n,) ids whether `vectors` returns it."""
        ...

    def sample(self, size: int) -> Vectors:
        """Return up to `size` vectors, (n, dim), evenly spread over the library by age."""
        ...

    def count(self) -> int:
        """Return how many vectors a search compares the query with."""
        ...

    def refresh(self, *, anyway: bool = False) -> bool:
        """Bring the store up to date if enough has changed, or `anyway`; return whether it did."""
        ...

    def verify(self) -> None:
        """Check the store as a whole: `serve` does it when it starts."""
        ...


class StoreFactory(Protocol):
    """Builds the stores of one back end, and loads those that were saved."""

    def build(self, dim: int, pages: Pages, folder: str | None = None) -> BuiltStore:
        """Return a store of the vectors in `pages`, of which there may be none.

        `folder` is where it will be saved, if it is known: a back end may write the vectors there
        as they come, rather than keep them in memory, and raise OSError when it cannot. What was
        not saved is deleted with the store.
        """
        ...

    def load(self, path: str) -> tuple[VectorStore, StoreHeader] | None:
        """Return the store saved under `path` and its header, None when there is none.

        None also for a file that is damaged or cut short, that another back end wrote, or whose
        count and dimension are not those of its header: the caller then builds a store from the
        catalogue. A load takes milliseconds, however large the store is (map the file; read all of
        it only when it has changed): every command that searches waits for it. `cache_file` checks
        files in this way.
        """
        ...
