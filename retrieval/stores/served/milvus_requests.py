"""What Milvus is asked: expressions, parameters of its indexes, rows in requests of its size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from retrieval.stores.served import Marks, Rows
from retrieval.stores.served.expression import Test, rendered

_REQUEST_BYTES = 8_000_000  # of the 64 MB that a server accepts
_ROW_BYTES = 600  # of a payload, beside its texts
_EF = 2000  # candidates of HNSW, at least: 256 find half of the ten nearest random vectors

MARKS = ("vector_mark", "payload_mark")
"""The columns of a row's marks."""

INDEXES: dict[str, dict[str, int]] = {
    "FLAT": {},
    "HNSW": {"M": 16, "efConstruction": 200},
    "AUTOINDEX": {},
}
"""The kinds of index and their parameters."""


def expression(test: Test) -> str:
    """Return a test as Milvus writes it."""
    return rendered(test, equal="==", brackets="[]")


def search_params(index: str, k: int) -> dict[str, int]:
    """Return the parameters of a search for k rows."""
    return {"ef": max(_EF, 2 * k)} if index == "HNSW" else {}


def numbers_of(rows: list[dict[str, Any]], names: tuple[str, ...]) -> list[Marks]:
    """Return columns of whole numbers, each (n,), of n rows."""
    return [np.array([row[name] for row in rows], np.int64) for name in names]


def batches(rows: Rows) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows in the client's form, in requests well below what a server accepts."""
    batch: list[dict[str, Any]] = []
    size = 0
    values = zip(
        rows.ids.tolist(),
        rows.vectors,
        rows.vector_marks.tolist(),
        rows.payload_marks.tolist(),
        rows.payloads,
        strict=True,
    )
    for id_, vector, one, two, payload in values:
        texts = sum(len(value) for value in payload.values() if isinstance(value, str))
        size += vector.nbytes + _ROW_BYTES + texts
        if batch and size > _REQUEST_BYTES:
            yield batch
            batch, size = [], vector.nbytes + _ROW_BYTES + texts
        batch.append(
            {"id": id_, "vector": vector.tolist(), MARKS[0]: one, MARKS[1]: two, **payload}
        )
    if batch:
        yield batch
