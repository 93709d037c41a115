"""The address of a vector server: `milvus:http://host:19530`, `pgvector:postgresql://host/name`.

An address has no secrets, because it is kept in the catalogue and shown. Milvus's token comes from
the environment (`MILVUS_TOKEN`), PostgreSQL's password from PGPASSWORD or the file ~/.pgpass.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from retrieval.errors import MissingExtra, PixtrieveError
from retrieval.query.spelling import absolute

if TYPE_CHECKING:
    from retrieval.stores.served import ServedStore

FILES = "faiss"
"""What people write for the library's own files."""

MILVUS_TOKEN = "PIXTRIEVE_MILVUS_TOKEN"  # noqa: S105
"""The environment variable with Milvus's token ("user:password", or a key)."""

FORMS = (
    f"{FILES}, milvus:http://HOST:19530, milvus:FILE.db (Milvus Lite), or "
    "pgvector:postgresql://USER@HOST/DATABASE; ?index=HNSW at the end for an approximate index"
)


@dataclass(frozen=True, slots=True)
class _Kind:
    module: str
    package: str
    extra: str
    indexes: tuple[str, ...]


_KINDS = {
    "milvus": _Kind("milvus", "pymilvus", "milvus", ("FLAT", "HNSW", "AUTOINDEX")),
    "pgvector": _Kind("pgvector", "psycopg", "pgvector", ("FLAT", "HNSW")),
}
_SERVERS = {"milvus": ("http", "https", "tcp"), "pgvector": ("postgresql", "postgres")}


@dataclass(frozen=True, slots=True)
class Place:
    """A vector server: its kind, its own address, and the kind of index ("FLAT" is exact)."""

    kind: str
    address: str
    index: str = "FLAT"

    def __str__(self) -> str:
        joint = "&" if "?" in self.address else "?"
        index = "" if self.index == "FLAT" else f"{joint}index={self.index}"
        return f"{self.kind}:{self.address}{index}"


def parse_place(written: str) -> Place | None:
    """Return what an address names, None for the library's own files.

    Raises PixtrieveError for an address of another form, and for one with a password.
    """
    if written == FILES:
        return None
    kind, _, rest = written.partition(":")
    if kind not in _KINDS or not rest:
        raise PixtrieveError(f"{written} is not the address of a vector store", f"write {FORMS}")
    address, _, options = rest.partition("?")
    others = [part for part in options.split("&") if part and not part.startswith("index=")]
    chosen = dict(parse_qsl(options, keep_blank_values=True))
    index = chosen.pop("index", "FLAT").upper()
    indexes = _KINDS[kind].indexes
    if (chosen and kind != "pgvector") or index not in indexes:
        raise PixtrieveError(
            f"{options} are not options of {kind}", f"write ?index= and one of {', '.join(indexes)}"
        )
    if "://" not in address:
        if kind != "milvus" or not address.endswith(".db"):
            raise PixtrieveError(f"{written} names no server", f"write {FORMS}")
        return Place(kind, absolute(address), index)
    parts = urlsplit(address)
    if parts.scheme not in _SERVERS[kind] or not parts.netloc:
        raise PixtrieveError(f"{written} is not the address of a {kind} server", f"write {FORMS}")
    if parts.password or "password" in chosen:
        raise PixtrieveError(
            "an address with a password would be kept in the catalogue",
            f"leave it out, and put it into the environment: {_where(kind)}",
        )
    rest = f"?{'&'.join(others)}" if others else ""  # those of libpq, such as sslmode
    return Place(kind, address.rstrip("/") + rest, index)


def connect(place: Place) -> ServedStore:
    """Connect to a server. Raises MissingExtra without its client, StoreError if that fails."""
    kind = _KINDS[place.kind]
    if find_spec(kind.package) is None:
        raise MissingExtra(
            kind.package,
            kind.extra,
            f"the vector server {place.kind}",
            "or search without it: pixtrieve store use faiss",
        )
    # Pixtrieve starts processes, but forks none; gRPC would print a line for each of them.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    module = import_module(f"retrieval.stores.served.{kind.module}")
    store: ServedStore = module.connect(place.address, os.environ.get(MILVUS_TOKEN, ""))
    return store


def _where(kind: str) -> str:
    return MILVUS_TOKEN if kind == "milvus" else "PGPASSWORD"
