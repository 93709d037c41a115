"""A library at one moment, as a server's collection and the catalogue have it together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from retrieval.catalogue import Snapshot
from retrieval.catalogue.served import ServedVectors
from retrieval.stores import Ids, Vectors
from retrieval.stores.exact import ExactStore
from retrieval.stores.served import Header
from retrieval.stores.served.sync import ServedKey


@dataclass(slots=True)
class View:
    """The library at one moment, ready to be searched."""

    snapshot: Snapshot
    header: Header
    newer: ExactStore
    gone: int  # rows of the server that left the library
    damaged: Ids
    read_at: float  # on the monotonic clock
    # Rows that compiled filters do not cover, by `of_files`; None if they are too many to name.
    exceptions: dict[bool, Ids | None] = field(default_factory=dict)

    @property
    def exact_payloads(self) -> bool:
        """Whether the server's payloads are those of this moment."""
        return (self.header.generation, self.header.stamp) == (
            self.snapshot.generation,
            self.snapshot.stamp,
        )


def usable_now(key: ServedKey, source: ServedVectors, header: Header, snapshot: Snapshot) -> bool:
    """Tell whether a header is of a state that the catalogue has had, or will have."""
    if not key.describes(header) or not header.stamp:
        return False
    if header.stamp == source.stamp_of(header.generation):
        return True
    return source.is_past_of(header.generation, header.stamp, header.stamps)


def view_of(
    source: ServedVectors, key: ServedKey, snapshot: Snapshot, header: Header, most: int
) -> View | None:
    """Return a view; None if more than `most` rows are newer, or left the library."""
    gone = source.removed_since(header.generation)
    gone = gone[gone <= header.last_id]
    if len(gone) > most:
        return None
    pages: list[tuple[Ids, Vectors]] = []
    damaged: list[int] = []
    lacking = 0
    for ids, vectors in source.after(header.last_id, damaged):
        pages.append((ids, vectors))
        lacking += len(ids)
        if lacking > most:
            return None
    newer = ExactStore.build(key.spec.dim, pages)
    still = np.setdiff1d(np.array([*header.damaged, *damaged], np.int64), gone)
    return View(snapshot, header, newer, len(gone), still, time.monotonic())
