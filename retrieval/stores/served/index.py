"""Nearest vectors of a library by a vector server: the served counterpart of `LiveIndex`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Snapshot
from retrieval.catalogue.served import ServedVectors
from retrieval.catalogue.vectors import GREATEST_ID
from retrieval.errors import LibraryError, MissingExtra, StoreError
from retrieval.query.where.conditions import Condition
from retrieval.stores import Ids, IdSet, Scores, Vectors
from retrieval.stores.exact import merge, positions
from retrieval.stores.served import Header, ServedStore
from retrieval.stores.served.answers import Nearest, among, compared, exact_answer
from retrieval.stores.served.expression import (
    All,
    Any,
    Compare,
    Compiled,
    Fails,
    OneOfIds,
    Test,
    compiled,
)
from retrieval.stores.served.sync import Filler, OnSent, ServedKey
from retrieval.stores.served.view import View, usable_now, view_of

FAILURES = (StoreError, MissingExtra)
"""What keeps a server from being used; only questions and explicit commands raise it."""

_log = logging.getLogger(__name__)

_FRESH_ROWS = 20_000
"""Up to this many rows that the server does not have yet, a question compares them itself."""

_FEW = 10_000
"""Up to this many allowed vectors are compared here: quicker than a list of ids for the server."""

_MOST_NAMED = 1_000
"""The greatest number of ids that a server's filter names."""

_SPARE = 32
"""So many more rows are asked for at once when some of the server's rows are gone."""

_SOON_S = 1.0
"""While the server lacks rows, its header is read again after this time."""

_SETTLED_S = 60.0
"""Headers older than this are seen without asking the server to wait for all writes."""


class ServedIndex:
    """Searches one model's vectors as they are in the catalogue now, on a server: `VectorIndex`.

    A question never waits for a writer; when the server lacks too much and nobody is writing, it
    fills the server first. `search` raises StoreError when the server fails.
    """

    def __init__(
        self,
        source: ServedVectors,
        connect: Callable[[], ServedStore],
        key: ServedKey,
        writer: Callable[[], AbstractContextManager[None]],
        report: Callable[[Ids, bool], None] | None = None,
    ) -> None:
        """Follow `source`; `writer` is a context manager that holds the library's writer lock.

        `report` is as for `LiveIndex`.
        """
        self._source, self._connect, self._key = source, connect, key
        self._writer, self._report = writer, report
        self._view: View | None = None
        self._live: tuple[Snapshot, Ids] | None = None
        self._bad: tuple[Snapshot, Ids] | None = None  # damaged ones, read without the server
        self._samples: dict[int, Vectors] = {}

    def search(
        self,
        queries: Vectors,
        k: int,
        allowed: IdSet | None = None,
        where: Condition | None = None,
    ) -> tuple[Scores, Ids]:
        """Return the k nearest of one query (1, dim): see `VectorIndex.search`."""
        view = self._current()
        if allowed is None:
            newer = view.newer.search(queries, k)
            return merge([self._nearest(view, queries, k, None, None), newer], k)
        allowed = allowed[: np.searchsorted(allowed, GREATEST_ID, "right")]
        if len(allowed) <= max(_FEW, k):
            return compared(queries, k, allowed, self._source.some)
        test = None if where is None else self._test(view, where, allowed)
        if test is not None:
            return self._nearest(view, queries, k, test, allowed)
        return self._sifted(view, queries, k, allowed)

    def vectors(self, ids: Ids) -> Vectors:
        """Return the (n, dim) vectors of (n,) ids that a search has returned, in their order."""
        if not len(ids):
            return np.empty((0, self._key.spec.dim), np.float32)
        found, vectors = self._source.some(np.unique(ids))
        return vectors[positions(found, ids)]

    def damaged(self) -> Ids:
        """Return the rising ids of live vectors that are damaged, and therefore in no answer.

        Like all but `search`, it does without the server if that fails.
        """
        try:
            return self._current().damaged
        except FAILURES:
            return self._damaged_here()

    def holds(self, ids: Ids) -> NDArray[np.bool_]:
        """Tell for each of (n,) ids whether `vectors` returns it."""
        return np.isin(ids, self._source.some(np.unique(ids))[0])

    def sample(self, size: int) -> Vectors:
        """Return up to `size` vectors, (n, dim), evenly spread over the library by age."""
        ids = self._sound()
        if size not in self._samples:
            step = max(len(ids) / size, 1)
            chosen = ids[np.arange(0, len(ids), step).astype(np.int64)]
            self._samples[size] = self.vectors(chosen)
            self._samples[size].setflags(write=False)  # the next caller gets the same array
        return self._samples[size]

    def count(self) -> int:
        """Return how many vectors a search compares the query with."""
        try:
            view = self._current()
        except FAILURES:
            return len(self._sound())
        if view.header.generation > view.snapshot.generation:
            return len(self._sound())
        return view.header.count + view.newer.count() - view.gone

    def refresh(self, *, anyway: bool = False) -> bool:
        """Send what the server lacks; return whether it is up to date.

        The caller holds the writer lock. A server that fails is a warning: the catalogue has
        everything, and the next run sends it. `anyway` changes nothing.
        """
        try:
            self._filler().fill()
        except FAILURES as error:
            _log.warning("%s. The next pixtrieve index sends the vectors.", error.message)
            return False
        self._view = None
        return True

    def send_all(self, on_sent: OnSent | None = None) -> None:
        """Compare every row of the server, and send what differs. Raises StoreError.

        The caller holds the writer lock.
        """
        self._filler().fill(on_sent, anyway=True)
        self._view = None

    def verify(self) -> None:
        """Count the server's rows, and warn if they are not those that were sent."""
        try:
            view = self._current()
            count = self._connect().count(self._key.spec)
        except FAILURES as error:
            _log.warning("%s", error.message)
            return
        if view.exact_payloads and count != view.header.count:
            _log.warning(
                "the vector server holds %d rows, not the %d that were sent. To mend that: "
                "pixtrieve store sync",
                count,
                view.header.count,
            )

    def _filler(self) -> Filler:
        return Filler(self._connect(), self._source, self._key)

    def _sound(self) -> Ids:
        return np.setdiff1d(self._all(), self.damaged())

    def _damaged_here(self) -> Ids:
        """Return the ids of damaged vectors, by reading all; once for each state."""
        snapshot = self._source.snapshot()
        if self._bad is None or self._bad[0] != snapshot:
            damaged: list[int] = []
            for _ in self._source.after(0, damaged):
                pass
            self._bad = snapshot, np.array(sorted(damaged), np.int64)
        return self._bad[1]

    def _all(self) -> Ids:
        snapshot = self._source.snapshot()
        if self._live is None or self._live[0] != snapshot:
            self._live = snapshot, self._source.live_ids()
            self._samples.clear()
        return self._live[1]

    def _nearest(
        self, view: View, query: Vectors, k: int, test: Test | None, allowed: IdSet | None
    ) -> tuple[Scores, Ids]:
        """Return the k best of the server's rows that pass a test; they are those in `allowed`."""
        nearest, most = self._asking(view, query, test), self._connect().most
        some = self._source.some if allowed is None else among(allowed, self._source.some)
        found = exact_answer(query, k, nearest, some, most, spare=min(view.gone, _SPARE))
        if found is not None:
            return found
        ids = self._all() if allowed is None else allowed
        return compared(query, k, ids[ids <= view.header.last_id], self._source.some)

    def _sifted(self, view: View, query: Vectors, k: int, allowed: IdSet) -> tuple[Scores, Ids]:
        """Return the k best of many allowed ids, which no test of the server describes.

        The nearest of all are looked through, as many as are likely to include k that are allowed.
        """
        share = len(allowed) / max(view.header.count, len(allowed))
        most, spare = self._connect().most, min(view.gone, _SPARE) + int(k / share)
        if 2 * (k / share + spare) <= most:
            nearest, some = self._asking(view, query, None), among(allowed, self._source.some)
            found = exact_answer(query, k, nearest, some, most, spare=spare)
            if found is not None:
                return merge([found, view.newer.search(query, k, allowed)], k)
        return compared(query, k, allowed, self._source.some)

    def _asking(self, view: View, query: Vectors, test: Test | None) -> Nearest:
        """Return a function that asks the server for rows that the view's header includes."""
        store, spec = self._connect(), self._key.spec
        known = Compare("id", "<=", view.header.last_id)  # a writer may be sending others
        asked = known if test is None else All((known, test))
        fresh = time.time() - view.header.at < _SETTLED_S
        return lambda wanted: store.nearest(spec, query, wanted, asked, fresh=fresh)

    def _test(self, view: View, where: Condition, allowed: IdSet) -> Test | None:
        """Return the filter as a test of the server's payloads, None if it has no exact one."""
        if not view.exact_payloads or not self._key.spec.columns:
            return None
        filter_ = compiled(where)
        if filter_ is None:
            return None
        exceptions = self._exceptions(view, filter_)
        if exceptions is None:
            return None
        if not len(exceptions):
            return filter_.test
        named = OneOfIds(tuple(np.intersect1d(exceptions, allowed).tolist()))
        return Any((All((Fails(filter_.uncovered), filter_.test)), named))

    def _exceptions(self, view: View, filter_: Compiled) -> Ids | None:
        """Return the rows that a filter does not cover; None if they are too many to name."""
        if filter_.of_files not in view.exceptions:
            spec, most = self._key.spec, _MOST_NAMED
            found = self._connect().find(spec, filter_.uncovered, most + 1)
            view.exceptions[filter_.of_files] = found if len(found) <= most else None
        return view.exceptions[filter_.of_files]

    def _current(self) -> View:
        snapshot = self._source.snapshot()
        view = self._view
        if view is not None and view.snapshot == snapshot:
            lacks = view.newer.count() or view.gone
            if not lacks or time.monotonic() - view.read_at < _SOON_S:
                return view
        self._view = self._load(snapshot)
        return self._view

    def _load(self, snapshot: Snapshot) -> View:
        header = self._connect().header(self._key.spec.name)
        usable = header is not None and usable_now(self._key, self._source, header, snapshot)
        if header is not None and usable:
            view = self._viewed(snapshot, header, _FRESH_ROWS)
            if view is not None:
                return view
        try:
            with self._writer():
                _log.warning("The vector server lacks vectors; they are being sent.")
                header, usable = self._filler().fill(), True
        except LibraryError as error:  # another process is writing, or this one may not
            if not usable:
                raise StoreError(
                    f"the vector server does not have this library's vectors, and {error.message}",
                    error.hint,
                ) from error
        assert header is not None
        view = self._viewed(snapshot, header, GREATEST_ID)
        assert view is not None
        return view

    def _viewed(self, snapshot: Snapshot, header: Header, most: int) -> View | None:
        view = view_of(self._source, self._key, snapshot, header, most)
        if view is not None and self._report is not None and len(view.damaged):
            self._report(view.damaged, False)
        return view
