"""A real Milvus server: speed, and that kill -9 during an upsert loses nothing acknowledged.

    python3 -m venv /tmp/milvus && /tmp/milvus/bin/pip install milvus==2.3.5
    python benchmarks/served_stores.py /tmp/milvus/bin/milvus-server --vectors 20000 --dim 512

The server runs in an environment of its own, because its packages are old. It is killed twice and
started again; every row whose upsert had returned must be there, with its vector.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from retrieval.errors import StoreError
from retrieval.stores import Ids, Vectors
from retrieval.stores.served import CollectionSpec, Rows, ServedStore
from retrieval.stores.served.answers import exact_answer
from retrieval.stores.served.columns import marks_of
from retrieval.stores.served.expression import Compare, OneOfIds, Test
from retrieval.stores.served.places import Place, connect
from retrieval.vectors import as_stored, normalise, to_blobs

PORT = 29531
PAGE = 1000


def main() -> None:
    """Run the benchmark; see the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", type=Path)
    parser.add_argument("--vectors", type=int, default=20_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--index", default="FLAT")
    parser.add_argument("--folder", help="An empty folder for the server's data.")
    chosen = parser.parse_args()
    random = np.random.default_rng(0)
    rows = random.normal(size=(chosen.vectors, chosen.dim)).astype(np.float32)
    vectors = as_stored(normalise(rows))
    spec = CollectionSpec("pixtrieve_benchmark", chosen.dim, (), chosen.index)
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or temporary
        process, store = started(chosen.server, folder)
        try:
            store.make(spec)
            acknowledged: list[int] = []
            for kill_after in (chosen.vectors // 3, 2 * chosen.vectors // 3):
                process, store = killed(
                    process, store, spec, vectors, acknowledged, kill_after, chosen.server, folder
                )
            began = time.perf_counter()
            before = len(acknowledged)
            send(store, spec, vectors, acknowledged)
            rate = (len(acknowledged) - before) / (time.perf_counter() - began)
            store.settle(spec)
            print(f"upsert: {rate:,.0f} rows a second")
            check(store, spec, vectors, len(vectors))
            measure(store, spec, vectors)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def started(server: Path, folder: str) -> tuple[subprocess.Popen[bytes], ServedStore]:
    """Start the server; return it and a connection."""
    while not is_free(PORT):  # the launcher would take another one
        time.sleep(1)
    process = subprocess.Popen(
        [str(server), "--data", folder, "--proxy-port", str(PORT)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    began = time.perf_counter()
    while True:
        try:
            store = connect(Place("milvus", f"http://127.0.0.1:{PORT}"))
            store.collections()
        except StoreError:
            if time.perf_counter() - began > 600:
                raise
            time.sleep(0.5)
            continue
        print(f"ready after {time.perf_counter() - began:.1f} s")
        return process, store


def is_free(port: int) -> bool:
    """Tell whether a port can be listened at, and no connection to it is fading away."""
    with socket.socket() as one:
        try:
            one.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def send(
    store: ServedStore, spec: CollectionSpec, vectors: Vectors, acknowledged: list[int]
) -> None:
    """Send what is not acknowledged yet, and note what is."""
    for at in range(len(acknowledged), len(vectors), PAGE):
        page = vectors[at : at + PAGE]
        ids = np.arange(at, at + len(page)) + 1
        store.upsert(spec, Rows(ids, page, marks_of(to_blobs(page)), ids * 0, [{}] * len(page)))
        acknowledged.extend(ids.tolist())


def killed(
    process: subprocess.Popen[bytes],
    store: ServedStore,
    spec: CollectionSpec,
    vectors: Vectors,
    acknowledged: list[int],
    kill_after: int,
    server: Path,
    folder: str,
) -> tuple[subprocess.Popen[bytes], ServedStore]:
    """Kill the server while rows are being sent; start it again, and look for what it had taken."""

    def killer() -> None:
        while len(acknowledged) < kill_after:
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        send(store, spec, vectors, acknowledged)
    except StoreError as error:
        print(f"killed after {len(acknowledged):,} acknowledged rows: {error.message[:80]}")
    thread.join()
    process.wait()
    process, newer = started(server, folder)
    print(f"the connection of before finds {store.count(spec):,} rows")
    store.close()
    store = newer
    check(store, spec, vectors, len(acknowledged))
    return process, store


def check(store: ServedStore, spec: CollectionSpec, vectors: Vectors, acknowledged: int) -> None:
    """Print how many acknowledged rows are missing or differ."""
    ids, marks, _ = store.marks(spec, len(vectors))
    right = marks_of(to_blobs(vectors))
    missing = np.setdiff1d(np.arange(acknowledged) + 1, ids)
    wrong = int((marks != right[ids - 1]).sum())
    found, fetched = store.fetch(spec, 0, min(PAGE, acknowledged))
    wrong += int((fetched != vectors[found - 1]).any(axis=1).sum())
    print(f"of {acknowledged:,} acknowledged rows {len(missing)} are missing, {wrong} differ")


def measure(store: ServedStore, spec: CollectionSpec, vectors: Vectors) -> None:
    """Print the times of questions, and whether the answers are the ten nearest."""
    random = np.random.default_rng(1).normal(size=(50, spec.dim)).astype(np.float32)
    queries = as_stored(normalise(random))

    def some(ids: Ids) -> tuple[Ids, Vectors]:
        return ids, vectors[ids - 1]

    half = Compare("id", "<=", len(vectors) // 2)
    named = OneOfIds(tuple(range(1, 1001)))
    for what, test, most, fresh in (
        ("all, bounded", None, len(vectors), False),
        ("all, strong", None, len(vectors), True),
        ("half, by a filter", half, len(vectors) // 2, False),
        ("1,000 named ids", named, 1000, False),
    ):
        asked = asking(store, spec, some, test, fresh=fresh)
        seconds, hits = [], 0
        for query in queries:
            began = time.perf_counter()
            found = asked(query[None])
            seconds.append(time.perf_counter() - began)
            truth = np.argsort(-(vectors[:most] @ query), kind="stable")[:10] + 1
            hits += len(np.intersect1d(found, truth))
        print(f"{what}: p50 {np.median(seconds) * 1000:.0f} ms, recall@10 {hits / 500:.3f}")


def asking(
    store: ServedStore,
    spec: CollectionSpec,
    some: Callable[[Ids], tuple[Ids, Vectors]],
    test: Test | None,
    *,
    fresh: bool,
) -> Callable[[Vectors], Ids]:
    """Return a function that answers a query (1, dim) with the ids of the ten nearest."""

    def ask(query: Vectors) -> Ids:
        found = exact_answer(
            query,
            10,
            lambda wanted: store.nearest(spec, query, wanted, test, fresh=fresh),
            some,
            store.most,
        )
        assert found is not None
        nearest: Ids = found[1][0]
        return nearest

    return ask


if __name__ == "__main__":
    main()
