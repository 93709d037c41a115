"""Searches pictures and videos as one: of a video, its best moment counts.

A moment competes as a picture would, so confidences mean the same for both; and each video is found
once, however many moments it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.vectors import Snapshot
from retrieval.stores import Ids, IdSet, Scores, VectorIndex, Vectors

if TYPE_CHECKING:
    from retrieval.query.where.conditions import Condition

_MORE = 4
"""How many times as many parts are asked for when those found belong to too few pictures."""


class PartSource(Protocol):
    """What is known of the parts: `catalogue.Vectors` of the view `PARTS`."""

    def snapshot(self) -> Snapshot:
        """Return where the catalogue stands."""
        ...

    def owners(self) -> NDArray[np.int64]:
        """Return the ids (3, n) of all parts, their images, and the wholes' vectors."""
        ...


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts at one moment: rising ids (n,), and the ids (n,) of their wholes' vectors."""

    snapshot: Snapshot
    ids: Ids
    wholes: Ids


class PartedIndex:
    """The vectors of pictures as wholes, and of their parts: a `VectorIndex`. For one thread.

    A search returns one vector of each picture: its own, or the best of its parts.
    """

    def __init__(self, images: VectorIndex, parts: VectorIndex, source: PartSource) -> None:
        self._images, self._parts, self._source = images, parts, source
        self._known: _Parts | None = None

    def search(
        self,
        queries: Vectors,
        k: int,
        allowed: IdSet | None = None,
        where: Condition | None = None,
    ) -> tuple[Scores, Ids]:
        """Return the k nearest of one query (1, dim): see `VectorIndex.search`.

        `allowed` are vectors of wholes.
        """
        known = self._current()
        scores, ids = self._wholes(queries, k, allowed, where, known)
        among = known.ids if allowed is None else known.ids[np.isin(known.wholes, allowed)]
        wanted = k
        while True:
            found, part_ids = self._parts.search(queries, wanted, among)
            merged, rows = self._best(
                np.concatenate([scores, found[0]]), np.concatenate([ids, part_ids[0]]), known
            )
            # Parts that were not found are no nearer than the last one that was.
            complete = len(part_ids[0]) < wanted
            if complete or not k or (len(rows) >= k and merged[k - 1] >= found[0, -1]):
                return merged[None, :k], rows[None, :k]
            wanted *= _MORE

    def wholes_of(self, ids: Ids) -> Ids:
        """Return the vectors of the wholes (n,) that these vectors are parts of, or are."""
        known = self._current()
        if not len(known.ids):
            return ids
        at = np.searchsorted(known.ids, ids)
        at[at == len(known.ids)] = 0
        return np.where(known.ids[at] == ids, known.wholes[at], ids)

    def parts_of(self, whole: int) -> Ids:
        """Return the vectors (n,) of the parts of a whole, in the order of their ids."""
        known = self._current()
        return np.asarray(known.ids[known.wholes == whole], np.int64)

    def vectors(self, ids: Ids) -> Vectors:
        """Return the (n, dim) vectors of (n,) ids, of wholes and of parts, in their order."""
        is_part = np.isin(ids, self._current().ids)
        if not is_part.any():
            return self._images.vectors(ids)
        of_parts = self._parts.vectors(ids[is_part])
        found = np.empty((len(ids), of_parts.shape[1]), np.float32)
        found[is_part] = of_parts
        found[~is_part] = self._images.vectors(ids[~is_part])
        return found

    def damaged(self) -> Ids:
        """Return the rising ids of live vectors that are damaged, and therefore in no answer."""
        return np.union1d(self._images.damaged(), self._parts.damaged())

    def holds(self, ids: Ids) -> NDArray[np.bool_]:
        """Tell for each of (n,) ids whether `vectors` returns it."""
        return self._images.holds(ids) | self._parts.holds(ids)

    def sample(self, size: int) -> Vectors:
        """Return up to `size` vectors of wholes, (n, dim), evenly spread over the library."""
        return self._images.sample(size)

    def count(self) -> int:
        """Return how many pictures a search compares the query with."""
        return self._images.count()

    def refresh(self, *, anyway: bool = False) -> bool:
        """Bring both stores up to date; return whether that changed one."""
        written = self._images.refresh(anyway=anyway)
        return self._parts.refresh(anyway=anyway or written) or written

    def verify(self) -> None:
        """Check both stores as a whole."""
        self._images.verify()
        self._parts.verify()

    def _wholes(
        self,
        queries: Vectors,
        k: int,
        allowed: IdSet | None,
        where: Condition | None,
        known: _Parts,
    ) -> tuple[NDArray[np.float32], Ids]:
        """Return the k nearest pictures without parts, scores (n,) and ids (n,)."""
        scores, ids = self._images.search(queries, k, allowed, where)
        parted = np.isin(ids[0], known.wholes)
        if parted.any() and len(ids[0]) == k:
            more = k + len(np.unique(known.wholes))
            scores, ids = self._images.search(queries, more, allowed, where)
            parted = np.isin(ids[0], known.wholes)
        return scores[0][~parted][:k], ids[0][~parted][:k]

    def _best(
        self, scores: NDArray[np.float32], ids: Ids, known: _Parts
    ) -> tuple[NDArray[np.float32], Ids]:
        """Return the best vector of each whole, best first, equal ones by the ids of wholes."""
        wholes = self.wholes_of(ids)
        order = np.lexsort((ids, wholes, -scores))
        _, first = np.unique(wholes[order], return_index=True)
        kept = order[np.sort(first)]
        return scores[kept], ids[kept]

    def _current(self) -> _Parts:
        snapshot = self._source.snapshot()
        if self._known is None or self._known.snapshot != snapshot:
            ids, _, wholes = self._source.owners()
            held = self._parts.holds(ids)
            self._known = _Parts(snapshot, ids[held], wholes[held])
        return self._known
