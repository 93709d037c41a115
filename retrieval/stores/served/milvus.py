"""Milvus: a `ServedStore` over gRPC, or in this process with Milvus Lite (a file)."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

import numpy as np
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

from retrieval.errors import StoreError
from retrieval.stores import Ids, Scores, Vectors
from retrieval.stores.served import CollectionSpec, Header, Marks, Rows, pages_up_to
from retrieval.stores.served.columns import LONGEST_TEXT
from retrieval.stores.served.expression import OneOfIds, Test
from retrieval.stores.served.milvus_requests import (
    INDEXES,
    MARKS,
    batches,
    expression,
    numbers_of,
    search_params,
)

T = TypeVar("T")

# Every error is raised as a StoreError; the client would also print it, with a traceback.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)

_HEADERS = "pixtrieve_headers"
_PREFIX = "pixtrieve_"
_MOST = 16_384  # rows a page
_GREATEST_DIM = 32_768
_TIMEOUT_S = 20.0
_SETTLE_S = 3600.0
_STRONG, _BOUNDED = "Strong", "Bounded"
_NOT_LOADED = ("not loaded", "not been loaded", "not fully loaded", "released")


def connect(address: str, token: str) -> MilvusStore:
    """Connect to `http://host:19530` or `https://…`, or open the file of Milvus Lite."""
    return MilvusStore(address, token)


class MilvusStore:
    """See `ServedStore`. One row of the collection `pixtrieve_headers` is a header."""

    most = _MOST

    def __init__(self, address: str, token: str) -> None:
        """See `connect`."""
        self._address = address
        self._client: Any = None
        with self._explained("connect"):
            self._client = MilvusClient(address, token=token, timeout=_TIMEOUT_S)
        self._loaded: set[str] = set()

    def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            self._client.close()

    def _explained(self, action: str) -> _Explained:
        return _Explained(self._address, action)

    def _call(self, name: str, action: str, call: Callable[[], T]) -> T:
        """Run a call on a collection; load the collection first if the server has restarted."""
        with self._explained(action):
            if name not in self._loaded:
                self._client.load_collection(name)
                self._loaded.add(name)
            try:
                return call()
            except MilvusException as error:
                if not any(words in str(error) for words in _NOT_LOADED):
                    raise
                self._client.load_collection(name)
                return call()

    def _exists(self, name: str) -> bool:
        with self._explained("look for a collection"):
            return bool(self._client.has_collection(name))

    def header(self, name: str) -> Header | None:
        """Return the header of a collection: see `ServedStore`."""
        if not self._exists(_HEADERS):
            return None
        rows = self._query(_HEADERS, f"name == '{name}'", ["header"], 1)
        if not rows or not self._exists(name):
            return None
        try:
            facts = json.loads(rows[0]["header"])
            facts["stamps"] = {int(number): stamp for number, stamp in facts["stamps"].items()}
            return Header(**facts)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def publish(self, name: str, header: Header) -> None:
        """Replace the header of a collection: see `ServedStore`."""
        if not self._exists(_HEADERS):
            schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("name", DataType.VARCHAR, is_primary=True, max_length=200)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)  # there must be one
            schema.add_field("header", DataType.VARCHAR, max_length=65_535)
            self._create(_HEADERS, schema, "FLAT")
        row = {"name": name, "vector": [0.0, 0.0], "header": json.dumps(asdict(header))}
        self._call(_HEADERS, "write", lambda: self._client.upsert(_HEADERS, [row]))

    def make(self, spec: CollectionSpec) -> None:
        """Make an empty collection: see `ServedStore`."""
        if spec.dim > _GREATEST_DIM:
            raise StoreError(
                f"Milvus takes vectors of up to {_GREATEST_DIM:,} numbers, and the model's have "
                f"{spec.dim:,}",
                "use the library's own files: pixtrieve store use faiss",
            )
        self.drop(spec.name)
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=spec.dim)
        for name in MARKS:
            schema.add_field(name, DataType.INT64)
        for column in spec.columns:
            if column.kind == "text":
                schema.add_field(column.name, DataType.VARCHAR, max_length=LONGEST_TEXT)
            else:
                kind = DataType.BOOL if column.kind == "flag" else DataType.DOUBLE
                schema.add_field(column.name, kind)
        self._create(spec.name, schema, spec.index)

    def _create(self, name: str, schema: Any, index: str) -> None:
        indexes = self._client.prepare_index_params()
        indexes.add_index("vector", index_type=index, metric_type="IP", params=INDEXES[index])
        with self._explained("make a collection"):
            self._client.create_collection(name, schema=schema, index_params=indexes)
        self._loaded.add(name)

    def drop(self, name: str) -> None:
        """Delete a collection and its header: see `ServedStore`."""
        if self._exists(_HEADERS):
            test = f"name in ['{name}']"
            self._call(_HEADERS, "delete", lambda: self._client.delete(_HEADERS, filter=test))
        if self._exists(name):
            with self._explained("delete a collection"):
                self._client.drop_collection(name)
        self._loaded.discard(name)

    def collections(self) -> list[str]:
        """Return the names of all collections: see `ServedStore`."""
        with self._explained("list its collections"):
            names = self._client.list_collections()
        return sorted(name for name in names if name.startswith(_PREFIX) and name != _HEADERS)

    def upsert(self, spec: CollectionSpec, rows: Rows) -> None:
        """Send rows: see `ServedStore`."""
        for batch in batches(rows):
            self._call(spec.name, "take rows", partial(self._client.upsert, spec.name, batch))

    def delete(self, spec: CollectionSpec, ids: Ids) -> None:
        """Delete rows: see `ServedStore`."""
        for at in range(0, len(ids), 1000):
            test = expression(OneOfIds(tuple(ids[at : at + 1000].tolist())))
            delete = partial(self._client.delete, spec.name, filter=test)
            self._call(spec.name, "delete rows", delete)

    def settle(self, spec: CollectionSpec) -> None:
        """Wait until the index has all rows: see `ServedStore`."""
        if spec.index == "FLAT":
            return
        end = time.monotonic() + _SETTLE_S
        with self._explained("finish its index"):
            self._client.flush(spec.name)
            while self._client.describe_index(spec.name, "vector").get("pending_index_rows", 0):
                if time.monotonic() > end:
                    raise StoreError(
                        f"the Milvus server at {self._address} did not finish its index within an "
                        "hour",
                        "look into its logs; then run: pixtrieve store sync",
                    )
                time.sleep(0.5)

    def marks(self, spec: CollectionSpec, upto: int) -> tuple[Ids, Marks, Marks]:
        """Return all ids and marks: see `ServedStore`."""
        pages = [
            numbers_of(rows, ("id", *MARKS))
            for rows in self._ranges(spec, upto, list(MARKS), _MOST)
        ]
        ids, one, two = (np.concatenate(part) for part in zip(*pages, strict=True))
        return ids, one, two

    def fetch(self, spec: CollectionSpec, after: int, upto: int) -> tuple[Ids, Vectors]:
        """Return rows with their vectors: see `ServedStore`."""
        rows = self._range(spec, after, upto, ["vector"])
        vectors = np.array([row["vector"] for row in rows], np.float32).reshape(len(rows), spec.dim)
        return numbers_of(rows, ("id",))[0], vectors

    def count(self, spec: CollectionSpec) -> int:
        """Return the number of rows: see `ServedStore`."""
        # The statistics of a collection count deleted rows, too.
        rows = self._query(spec.name, "", ["count(*)"], None)
        return int(rows[0]["count(*)"])

    def find(self, spec: CollectionSpec, test: Test, most: int) -> Ids:
        """Return ids of rows that pass a test: see `ServedStore`."""
        rows = self._query(spec.name, expression(test), ["id"], min(most, _MOST))
        return np.array([row["id"] for row in rows], np.int64)

    def nearest(
        self, spec: CollectionSpec, query: Vectors, k: int, test: Test | None, *, fresh: bool
    ) -> tuple[Scores, Ids]:
        """Return the nearest rows: see `ServedStore`."""
        found = self._call(
            spec.name,
            "search",
            lambda: self._client.search(
                spec.name,
                [query[0].tolist()],
                limit=k,
                filter="" if test is None else expression(test),
                output_fields=["id"],
                search_params={"metric_type": "IP", "params": search_params(spec.index, k)},
                consistency_level=_STRONG if fresh else _BOUNDED,
            ),
        )[0]
        ids = np.array([row["id"] for row in found], np.int64)
        return np.array([row["distance"] for row in found], np.float32), ids

    def _ranges(
        self, spec: CollectionSpec, upto: int, fields: list[str], size: int
    ) -> Iterator[list[dict[str, Any]]]:
        # A page by limit would rely on the order in which a server cuts it off.
        for after, to in pages_up_to(upto, size):
            yield self._range(spec, after, to, fields)
        yield []

    def _range(
        self, spec: CollectionSpec, after: int, upto: int, fields: list[str]
    ) -> list[dict[str, Any]]:
        test = f"id > {after} and id <= {upto}"
        rows = self._query(spec.name, test, ["id", *fields], _MOST)
        return sorted(rows, key=lambda row: int(row["id"]))

    def _query(
        self, name: str, test: str, fields: list[str], limit: int | None
    ) -> list[dict[str, Any]]:
        options = {} if limit is None else {"limit": limit}
        return list(
            self._call(
                name,
                "read rows",
                lambda: self._client.query(
                    name, filter=test, output_fields=fields, consistency_level=_STRONG, **options
                ),
            )
        )


class _Explained:
    """Turns the client's errors into StoreError."""

    def __init__(self, address: str, action: str) -> None:
        self._address, self._action = address, action

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, StoreError):
            return
        reason = getattr(error, "message", "") or str(error) or type(error).__name__
        raise StoreError(
            f"the Milvus server at {self._address} could not {self._action}: {reason[:400]}",
            "start the server, or search without it: pixtrieve store use faiss",
        ) from error
