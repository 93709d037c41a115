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
    from retrieval.folder.session import Session

OnSent = Callable[[int, int], None]
"""Is called with the number of vectors that were looked at, and that of all."""


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The store of a library: its `address`, "faiss" for the library's own files.

    For a server: `rows` are the pictures' vectors that it holds, `current` tells whether these are
    all that the library has, and `error` is why that is not known.
    """

    address: str
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
        if place is None:
            return StoreStatus(FILES)
        key = server.key(row.spec.fingerprint, row.spec.dim, WHOLE)
        try:
            store = server.connected()
            header = store.header(key.spec.name)
            if header is None or not header.stamp:
                return StoreStatus(str(place), 0, current=False)
            rows = store.count(key.spec)
        except StoreError as error:
            return StoreStatus(str(place), error=error.message)
        snapshot = self._session.catalogue.vectors(row).snapshot()
        same = (header.generation, header.stamp) == (snapshot.generation, snapshot.stamp)
        return StoreStatus(str(place), rows, current=same and rows == header.count)

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
                if before is not None and _same(before, choice):
                    choice = before
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

    def delete(self) -> None:
        """Delete the library's vectors from its server, which it no longer uses then."""
        self._require_server()
        with self._session.writer():
            self._session.server.drop_all()
            with self._session.catalogue.writing():
                self._session.catalogue.served.choose(None)

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

        Raises LibraryError for a file that is no snapshot of this library as it is or was lately.
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
                store = backends.store_factory(backend).build(header.dim, pages)
            if store.count() != header.count:
                raise LibraryError(f"{os.fspath(file)} is cut short", "write the snapshot again")
            path = cache_path(session.path, spec.fingerprint, WHOLE, session.index_kind)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            store.save(path, header)
            with session.catalogue.writing():
                session.catalogue.served.choose(None)
        return header.count

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


def _same(one: StoreChoice, other: StoreChoice) -> bool:
    return (one.address, os.path.realpath(one.folder)) == (
        other.address,
        os.path.realpath(other.folder),
    )
