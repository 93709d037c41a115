"""Makes a server's collection equal to the catalogue, and tells what it holds.

A fill sends what differs: rows are compared by marks, digests of vector and payload that the server
keeps. The header comes last, so a fill that was killed is continued by the next one, and readers
never rely on half of it. What was sent last is also noted in a file of the library, which saves
reading all marks from the server; without that file they are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from retrieval.catalogue import WHOLE
from retrieval.catalogue.served import Payload, ServedVectors
from retrieval.catalogue.vectors import GREATEST_ID
from retrieval.errors import StoreError
from retrieval.stores import Ids
from retrieval.stores.served import CollectionSpec, Header, Marks, Rows, ServedStore
from retrieval.stores.served.columns import COLUMNS, encoded, form_of, marks_of
from retrieval.stores.served.expression import Compare
from retrieval.stores.served.sent import Sent, load_sent, save_sent
from retrieval.vectors import to_blobs

OnSent = Callable[[int, int], None]
"""Is called with the number of rows that were looked at, and that of all rows."""

_MOST_DAMAGED = 2000  # in a header; the others are found again after these are mended
_AT_ONCE = 16_384


@dataclass(frozen=True, slots=True)
class ServedKey:
    """Which collection holds the vectors, of which model, and where its file of marks is."""

    spec: CollectionSpec
    fingerprint: str
    path: str

    @property
    def made_of(self) -> str:
        """The form of the collection: see `Header.made_of`."""
        return f"{form_of(self.spec.columns)} {self.spec.index}"

    def describes(self, header: Header) -> bool:
        """Tell whether a header is of a collection in this form, for this model."""
        mine = (self.fingerprint, self.spec.dim, self.made_of)
        return (header.fingerprint, header.dim, header.made_of) == mine


def collection_prefix(library: str) -> str:
    """Return what the names of a library's collections begin with."""
    return f"pixtrieve_{library}_"


def served_key(
    library: str, fingerprint: str, dim: int, view: str, index: str, path: str
) -> ServedKey:
    """Return the key for one model and view of a library; `path` is that of its file of marks."""
    model = blake2b(fingerprint.encode(), digest_size=6).hexdigest()
    name = f"{collection_prefix(library)}{model}_{view}"
    columns = COLUMNS if view == WHOLE else ()
    return ServedKey(CollectionSpec(name, dim, columns, index), fingerprint, path)


@dataclass(slots=True)
class _Filling:
    """One fill: what the server has, and what has been found on the way."""

    has: Sent
    vector_marks: Marks | None  # of `has`; None if the vectors of known ids need no comparison
    damaged: list[int] = field(default_factory=list)
    ids: list[Ids] = field(default_factory=list)  # what the collection holds at the end
    payload_marks: list[Marks] = field(default_factory=list)


class Filler:
    """Fills one collection.

    The caller holds the library's writer lock and `catalogue.reading()`.
    """

    def __init__(self, store: ServedStore, source: ServedVectors, key: ServedKey) -> None:
        self._store, self._source, self._key = store, source, key
        self._spec = key.spec

    def fill(self, on_sent: OnSent | None = None, *, anyway: bool = False) -> Header:
        """Make the collection equal to the catalogue; return its header.

        With `anyway`, every row is compared, whatever the header says. Raises StoreError.
        """
        held = self._store.header(self._spec.name)
        if held is None or not self._key.describes(held):
            self._store.make(self._spec)
            held = self._header("", {}, -1, [], 0)
            self._store.publish(self._spec.name, held)
        if self._source.is_past_of(held.generation, held.stamp, held.stamps):
            return held  # another process has filled it since this one began to read
        same_past = bool(held.stamp) and self._source.stamp_of(held.generation) == held.stamp
        if same_past and not anyway and held.generation == self._source.snapshot().generation:
            return held
        sent = load_sent(self._key.path, held) if same_past and not anyway else None
        header = self._fill(held, sent, on_sent, same_past=same_past and not anyway)
        if header is None:  # the server has lost rows since they were noted
            header = self._fill(held, None, on_sent, same_past=False)
        if header is None:
            raise StoreError(
                "the vector server does not hold all rows that it has accepted",
                "look into its logs; then run: pixtrieve store sync",
            )
        return header

    def _fill(
        self, held: Header, sent: Sent | None, on_sent: OnSent | None, *, same_past: bool
    ) -> Header | None:
        """Send and delete what differs; None if the server then has another number of rows."""
        filling = self._begin(held, sent, same_past=same_past)
        filling.damaged += self._source.impossible()
        total, done = self._source.count(), 0
        for ids, marks, payloads in self._pages():
            self._send(filling, ids, marks, payloads)
            done += len(ids)
            if on_sent is not None:
                on_sent(done, total)
        empty = np.empty(0, np.int64)
        kept = Sent(
            np.concatenate([empty, *filling.ids]), np.concatenate([empty, *filling.payload_marks])
        )
        self._store.delete(self._spec, np.setdiff1d(filling.has.ids, kept.ids))
        self._store.settle(self._spec)
        if self._store.count(self._spec) != len(kept.ids):
            return None
        snapshot = self._source.snapshot()
        # Damaged vectors count as seen: they are no news to those who read the header.
        seen = [id_ for id_ in filling.damaged if id_ <= GREATEST_ID]
        last_id = int(max([0, *kept.ids[-1:], *seen]))
        stamps = self._source.stamps()
        header = self._header(
            snapshot.stamp, stamps, snapshot.generation, filling.damaged, last_id, len(kept.ids)
        )
        self._store.publish(self._spec.name, header)
        save_sent(self._key.path, header, kept)
        return header

    def _begin(self, held: Header, sent: Sent | None, *, same_past: bool) -> _Filling:
        if sent is not None:
            return _Filling(sent, None)
        live = self._source.live_ids()
        upto = int(max([held.last_id, *live[-1:]]))
        while len(beyond := self._store.find(self._spec, Compare("id", ">", upto), _AT_ONCE)):
            self._store.delete(self._spec, beyond)  # of another state of this library
        ids, vector_marks, payload_marks = self._store.marks(self._spec, upto)
        return _Filling(Sent(ids, payload_marks), None if same_past else vector_marks)

    def _pages(self) -> Iterator[tuple[Ids, Marks, Sequence[Payload] | None]]:
        """Yield ids, payload marks, and payloads; texts have none."""
        if not self._spec.columns:
            live = self._source.live_ids()
            for at in range(0, len(live), _AT_ONCE):
                ids = live[at : at + _AT_ONCE]
                yield ids, np.zeros(len(ids), np.int64), None
            return
        for ids, payloads in self._source.payloads():
            yield ids, marks_of(payloads), payloads

    def _send(
        self,
        filling: _Filling,
        ids: Ids,
        marks: Marks,
        payloads: Sequence[Payload] | None,
    ) -> None:
        """Send those rows of a page that differ from what the server has."""
        has = filling.has
        places = np.minimum(np.searchsorted(has.ids, ids), max(len(has.ids) - 1, 0))
        there = has.ids[places] == ids if len(has.ids) else np.zeros(len(ids), bool)
        differs = ~there
        differs[there] |= has.payload_marks[places[there]] != marks[there]
        looked_at = np.ones(len(ids), bool) if filling.vector_marks is not None else differs
        sound, vectors = self._source.some(ids[looked_at])
        rows = np.searchsorted(ids, sound)
        vector_marks = marks_of(to_blobs(vectors)) if len(sound) else np.empty(0, np.int64)
        if filling.vector_marks is not None and len(has.ids):
            differs[rows] |= there[rows] & (filling.vector_marks[places[rows]] != vector_marks)
        chosen = differs[rows]
        if chosen.any():
            own = [encoded(payloads[row]) if payloads else {} for row in rows[chosen]]
            self._store.upsert(
                self._spec,
                Rows(
                    sound[chosen], vectors[chosen], vector_marks[chosen], marks[rows[chosen]], own
                ),
            )
        damaged = np.setdiff1d(ids[looked_at], sound)
        filling.damaged += damaged.tolist()
        good = ~np.isin(ids, damaged)
        filling.ids.append(ids[good])
        filling.payload_marks.append(marks[good])

    def _header(
        self,
        stamp: str,
        stamps: dict[int, str],
        generation: int,
        damaged: list[int],
        last_id: int,
        count: int = 0,
    ) -> Header:
        return Header(
            fingerprint=self._key.fingerprint,
            dim=self._spec.dim,
            made_of=self._key.made_of,
            generation=generation,
            stamp=stamp,
            stamps=stamps,
            count=count,
            last_id=last_id,
            at=time.time(),
            damaged=sorted(damaged)[:_MOST_DAMAGED],
        )
