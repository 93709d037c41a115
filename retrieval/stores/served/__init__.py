"""Vector servers: stores that several processes share, beside the files of `retrieval.stores`.

A file store never changes. A server's store does, and other processes read it meanwhile. The
catalogue stays the truth, and a server can be filled from it at any time. Three parts:

- `ServedStore`, one module for each server, keeps rows (an id, a vector, and a payload for filters)
  in one *collection* for each model and view, and a `Header` for each collection.
- `sync.Filler` makes a collection equal to the catalogue. Only the process that holds the
  library's writer lock does that, and it publishes the header last.
- `index.ServedIndex` answers questions. It reads the header, and treats the server's rows as
  `LiveIndex` treats a file: rows of the catalogue that are newer are compared beside it, and what
  it returns is read again from the catalogue. So answers are those of the catalogue, whatever
  another process sends or deletes meanwhile.

Vectors and ids are as in `retrieval.stores`. A server adds float32 products in an order of its own,
so its scores only choose candidates; `answers.exact_answer` computes the scores that are returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.stores import Ids, Scores, Vectors
from retrieval.stores.served.columns import Column, Value
from retrieval.stores.served.expression import Test

Marks = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """A collection: its name, the vectors' dimension, the payload's columns, the kind of index.

    `index` is "FLAT", which is exact, or the name of one that the server has.
    """

    name: str
    dim: int
    columns: tuple[Column, ...]
    index: str = "FLAT"


@dataclass(frozen=True, slots=True)
class Header:
    """What a collection holds: the vectors of `fingerprint` as of a generation of the catalogue.

    `stamps` are stamps of that and of earlier generations. `count` is the number of rows, `last_id`
    the greatest id that the catalogue had, `damaged` (some of) the vectors left out. `made_of`
    names the form of collection and payload; one in another form is made anew. `at` is the time of
    publication in seconds since 1970.
    """

    fingerprint: str
    dim: int
    made_of: str
    generation: int
    stamp: str
    stamps: dict[int, str]
    count: int
    last_id: int
    at: float
    damaged: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to send: (n,) ids, their (n, dim) vectors, two marks (n,), n payloads by column.

    `vector_marks` and `payload_marks` are digests, by which rows are compared without reading them.
    """

    ids: Ids
    vectors: Vectors
    vector_marks: Marks
    payload_marks: Marks
    payloads: Sequence[dict[str, Value]]


class ServedStore(Protocol):
    """A connection to a server. All methods raise StoreError when it fails or refuses."""

    def header(self, name: str) -> Header | None:
        """Return the header of a collection as published last, None if there is none."""
        ...

    def publish(self, name: str, header: Header) -> None:
        """Replace the header of a collection, durably."""
        ...

    def make(self, spec: CollectionSpec) -> None:
        """Make an empty collection; one of that name, and its header, are deleted."""
        ...

    def drop(self, name: str) -> None:
        """Delete a collection and its header, if there are any."""
        ...

    def collections(self) -> list[str]:
        """Return the names of all collections that may hold vectors."""
        ...

    def upsert(self, spec: CollectionSpec, rows: Rows) -> None:
        """Send rows, which replace those with the same ids; durable on return."""
        ...

    def delete(self, spec: CollectionSpec, ids: Ids) -> None:
        """Delete rows; ids that are not there do no harm. Durable on return."""
        ...

    def settle(self, spec: CollectionSpec) -> None:
        """Wait until all rows that were sent are in the index."""
        ...

    def marks(self, spec: CollectionSpec, upto: int) -> tuple[Ids, Marks, Marks]:
        """Return the rising ids of all rows up to the id `upto`, and both marks.

        Sees all writes.
        """
        ...

    def fetch(self, spec: CollectionSpec, after: int, upto: int) -> tuple[Ids, Vectors]:
        """Return the rows with after < id <= upto, rising; upto - after is at most `PAGE`.

        Sees all writes.
        """
        ...

    def count(self, spec: CollectionSpec) -> int:
        """Return the number of rows; sees all writes."""
        ...

    def find(self, spec: CollectionSpec, test: Test, most: int) -> Ids:
        """Return the ids of up to `most` rows that pass a test, in no order; sees all writes."""
        ...

    def nearest(
        self, spec: CollectionSpec, query: Vectors, k: int, test: Test | None, *, fresh: bool
    ) -> tuple[Scores, Ids]:
        """Return the k nearest to a query (1, dim), of rows that pass a test, by falling score.

        k is at most `most`. Scores (n,) may be off by 1e-5. `fresh` sees all writes; without it,
        those of the last seconds may be missing.
        """
        ...

    @property
    def most(self) -> int:
        """The greatest k that `nearest` takes."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


PAGE = 4096
"""The greatest number of rows that are fetched with their vectors at once."""


def pages_up_to(upto: int, size: int) -> Iterable[tuple[int, int]]:
    """Yield ranges (after, to] of at most `size` ids that cover those from 0 to `upto`."""
    for after in range(-1, upto, size):
        yield after, min(after + size, upto)
