"""The vector server that a library uses instead of its own files, if it uses one."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from retrieval.catalogue import TEXT, WHOLE, Catalogue, ModelRow
from retrieval.errors import MissingExtra, StoreError

if TYPE_CHECKING:
    from retrieval.catalogue.served import StoreChoice
    from retrieval.stores import Ids
    from retrieval.stores.served import ServedStore
    from retrieval.stores.served.index import ServedIndex
    from retrieval.stores.served.places import Place
    from retrieval.stores.served.sync import ServedKey

_log = logging.getLogger(__name__)

Writer = Callable[[], AbstractContextManager[None]]


class Server:
    """A library's choice of a server, and the connection to it, which is made when needed."""

    def __init__(self, folder: str, catalogue: Catalogue) -> None:
        """Of the library in a folder."""
        self._folder, self._catalogue = folder, catalogue
        self._store: ServedStore | None = None
        self._choice: StoreChoice | None = None
        self._warned = False

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def choice(self) -> StoreChoice | None:
        """Return the library's choice; it is read again, because other processes may change it."""
        choice = self._catalogue.chosen_store()
        if choice != self._choice:
            self.turn_to(choice)
        return choice

    def turn_to(self, choice: StoreChoice | None) -> None:
        """Use another server from now on, until the next `choice`."""
        self.close()
        self._choice = choice

    def place(self) -> Place | None:
        """Return the server; None if the library uses its own files.

        A copy of a library in another folder uses its own files: the server has the other's data.
        """
        choice = self.choice()
        if choice is None:
            return None
        if os.path.realpath(choice.folder) == os.path.realpath(self._folder):
            return self._place()
        if not self._warned:
            self._warned = True
            _log.warning(
                "This library was copied or moved from %s, so it does not use the vector server of "
                "that one. To use it: pixtrieve store use %s",
                choice.folder,
                choice.address,
            )
        return None

    def index(
        self,
        row: ModelRow,
        view: str,
        writer: Writer,
        report: Callable[[Ids, bool], None] | None = None,
    ) -> ServedIndex:
        """Return the index of a model's vectors on the server."""
        from retrieval.stores.served.index import ServedIndex

        key = self.key(row.spec.fingerprint, row.spec.dim, view)
        vectors = self._catalogue.served.vectors(row.id, row.spec.dim, view)
        return ServedIndex(vectors, self.connected, key, writer, report)

    def key(self, fingerprint: str, dim: int, view: str) -> ServedKey:
        """Return which collection has a model's vectors of one view."""
        from retrieval.stores.served.sync import served_key

        path = os.path.join(self._folder, "cache", f"{fingerprint[:16]}-{view}.sent")
        index = self._place().index
        return served_key(self._chosen().library, fingerprint, dim, view, index, path)

    def connected(self) -> ServedStore:
        """Return the connection. Raises StoreError, MissingExtra without the server's client."""
        if self._store is None:
            from retrieval.stores.served.places import connect

            self._store = connect(self._place())
        return self._store

    def drop_gone(self, fingerprint: str) -> None:
        """Delete from the server what the library no longer has of a model's vectors.

        The caller holds the writer lock. A server that fails is a warning.
        """
        if self.place() is None:
            return
        from retrieval.stores.served.sync import Filler

        known = self._catalogue.served.model(fingerprint)
        try:
            store = self.connected()
            kept = store.collections()
            for view in (WHOLE, TEXT):
                key = self.key(fingerprint, known[1] if known else 0, view)
                if key.spec.name not in kept:
                    continue
                if known is None:
                    store.drop(key.spec.name)
                    continue
                with self._catalogue.reading():
                    Filler(store, self._catalogue.served.vectors(*known, view), key).fill()
        except (StoreError, MissingExtra) as error:
            _log.warning(
                "%s. Vectors that you removed are still there. To delete them: pixtrieve store "
                "sync",
                error.message,
            )

    def drop_all(self) -> None:
        """Delete all collections of the library from the server. Raises StoreError."""
        from retrieval.stores.served.sync import collection_prefix

        store, prefix = self.connected(), collection_prefix(self._chosen().library)
        for name in store.collections():
            if name.startswith(prefix):
                store.drop(name)

    def _chosen(self) -> StoreChoice:
        assert self._choice is not None, "`place` names the server first"
        return self._choice

    def _place(self) -> Place:
        from retrieval.stores.served.places import parse_place

        place = parse_place(self._chosen().address)
        assert place is not None
        return place
