"""Where a library's vectors are searched: in its own files, or on a vector server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.catalogue import TEXT, WHOLE
from retrieval.catalogue.served import StoreChoice
from retrieval.errors import LibraryError, StoreError
from retrieval.stores import backends
from retrieval.stores.served.places import FILES, parse_place

if TYPE_CHECKING:
    from retrieval.catalogue.served import ServedVectors
    from retrieval.folder.session import Session
    from retrieval.stores import Pages

OnSent = Callable[[int, int], None]
"""Is called with the number of vectors that were looked at, and that of all."""


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The store of a library: its `address`, "faiss" for the library's own files.

    For a server: `rows` are the pictures' vectors that it holds, `current` tells whether these are
    all that the library has, and `error` is why that is not known. `left` are the addresses of
    other servers that have a copy.
    """

    address: str
    left: tuple[str, ...] = ()
    rows: int | None = None
    current: bool | None = None
    error: str = ""


class LibraryStore:
    """The store of an open library. The catalogue has all vectors, whatever happens to a store."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def address(self) -> str:
        """Return the address of the server, "faiss" for the library's own files."""
        place = self._session.server.place()
        return FILES if place is None else str(place)

    def status(self) -> StoreStatus:
        """Return what the server holds; one that does not answer is no error."""
        server, row = self._session.server, self._session.model.row
        place = server.place()
        left = tuple(each.address for each in self._left())
        if place is None:
            return StoreStatus(FILES, left)
        key = server.key(row.spec.fingerprint, row.spec.dim, WHOLE)
        try:
            store = server.connected()
            header = store.header(key.spec.name)
            if header is None or not header.stamp:
                return StoreStatus(str(place), left, 0, current=False)
            rows = store.count(key.spec)
        except StoreError as error:
            return StoreStatus(str(place), left, error=error.message)
        snapshot = self._session.catalogue.vectors(row).snapshot()
        same = (header.generation, header.stamp) == (snapshot.generation, snapshot.stamp)
        return StoreStatus(str(place), left, rows, current=same and rows == header.count)

    def use(self, address: str, on_sent: OnSent | None = None) -> None:
        """Send all vectors to a server, then search there; "faiss" is the library's own files.

        Raises PixtrieveError for a wrong address, MissingExtra, StoreError and LibraryBusy; then
        nothing has changed. See `stores.served.places` for addresses.
        """
        place = parse_place(address)
        catalogue, server = self._session.catalogue, self._session.server
        with self._session.writer():
            before = catalogue.chosen_store()
            choice = None
            if place is not None:
                choice = StoreChoice(str(place), secrets.token_hex(4), self._session.path)
                known = [*self._left(), *([] if before is None else [before])]
                choice = next((each for each in known if _same(each, choice)), choice)
                server.turn_to(choice)
                self._fill(on_sent)
            with catalogue.writing():
                catalogue.served.choose(choice)

    def sync(self, on_sent: OnSent | None = None) -> None:
        """Compare every vector of the server with the library, and correct it.

        Raises StoreError, LibraryBusy, and LibraryError if the library uses no server.
        """
        self._require_server()
        with self._session.writer():
            self._fill(on_sent)

    def delete(self) -> list[str]:
        """Delete the library's vectors from all servers, and use none; return their addresses.

        Raises StoreError when one fails (those before it are done), and LibraryError if no server
        has any.
        """
        session, deleted = self._session, []
        with session.writer():
            used = session.server.choice() if session.server.place() is not None else None
            for choice in [*self._left(), *([] if used is None else [used])]:
                session.server.turn_to(choice)
                session.server.drop_all()
                deleted.append(choice.address)
                with session.catalogue.writing():
                    session.catalogue.served.forget(choice)
        if not deleted:
            raise LibraryError("no vector server has vectors of this library", "nothing is to do")
        return deleted

    def snapshot(self, file: str | os.PathLike[str], *, replace: bool = False) -> int:
        """Write the pictures' vectors of the server to a parquet file; return their number.

        Raises LibraryError when the file exists (unless `replace` is set) or cannot be written.
        """
        from retrieval.stores.served.snapshot import write_snapshot

        self._require_server()
        path = os.path.abspath(os.fspath(file))
        if os.path.lexists(path) and not replace:
            raise LibraryError(f"{path} exists already", "choose another name, or add --replace")
        server, row = self._session.server, self._session.model.row
        key = server.key(row.spec.fingerprint, row.spec.dim, WHOLE)
        return write_snapshot(server.connected(), key, path)

    def use_snapshot(self, file: str | os.PathLike[str]) -> int:
        """Build the library's own file from a snapshot, and use it; return the number of vectors.

        Raises LibraryError for a file that is no snapshot of this library as it is or was lately,
        or that has other vectors.
        """
        from retrieval.folder.session import backend_of, cache_path
        from retrieval.stores.served.snapshot import read_snapshot

        session = self._session
        spec = session.model.row.spec
        with session.writer():
            with read_snapshot(os.path.abspath(os.fspath(file))) as (header, pages):
                vectors = session.catalogue.vectors(session.model.row)
                mine = (header.fingerprint, header.dim) == (spec.fingerprint, spec.dim)
                if not mine or vectors.stamp_of(header.generation) != header.stamp:
                    raise LibraryError(
                        f"{os.fspath(file)} is not a snapshot of this library as it is now",
                        "leave it out: pixtrieve store use faiss",
                    )
                backend = backend_of(WHOLE, session.index_kind)
                known = session.catalogue.served.vectors(session.model.row.id, spec.dim, WHOLE)
                same = _require_same(pages, known, os.fspath(file))
                path = cache_path(session.path, spec.fingerprint, WHOLE, session.index_kind)
                folder = os.path.dirname(path)
                os.makedirs(folder, exist_ok=True)
                store = backends.store_factory(backend).build(header.dim, same, folder)
            if store.count() != header.count:
                raise LibraryError(f"{os.fspath(file)} is cut short", "write the snapshot again")
            store.save(path, header)
            with session.catalogue.writing():
                session.catalogue.served.choose(None)
        return header.count

    def _left(self) -> list[StoreChoice]:
        """Return the servers that this library, rather than one that it is a copy of, has left."""
        session = self._session
        here = os.path.realpath(session.path)
        left = session.catalogue.served.left()
        return [each for each in left if os.path.realpath(each.folder) == here]

    def _require_server(self) -> None:
        if self._session.server.place() is None:
            raise LibraryError(
                "the library uses its own files, not a vector server",
                "to use one: pixtrieve store use milvus:http://localhost:19530",
            )

    def _fill(self, on_sent: OnSent | None) -> None:
        session, row = self._session, self._session.model.row
        with session.catalogue.reading():
            session.server.index(row, WHOLE, session.writer).send_all(on_sent)
            if session.catalogue.vectors(row, TEXT).exist():
                session.server.index(row, TEXT, session.writer).send_all()


def _require_same(pages: Pages, known: ServedVectors, file: str) -> Pages:
    """Yield pages of a snapshot. Raises LibraryError where the library has other vectors."""
    import numpy as np

    for ids, vectors in pages:
        found, own = known.some(ids)  # without those that left the library since
        if not np.array_equal(vectors[np.isin(ids, found)], own):
            raise LibraryError(
                f"{file} has other vectors than the library",
                "leave it out: pixtrieve store use faiss",
            )
        yield ids, vectors


def _same(one: StoreChoice, other: StoreChoice) -> bool:
    return (one.address, os.path.realpath(one.folder)) == (
        other.address,
        os.path.realpath(other.folder),
    )
