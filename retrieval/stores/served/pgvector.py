"""PostgreSQL with the extension pgvector: a `ServedStore` over psycopg."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
import psycopg

from retrieval.errors import StoreError
from retrieval.stores import Ids, Scores, Vectors
from retrieval.stores.served import CollectionSpec, Header, Marks, Rows
from retrieval.stores.served.expression import Test, rendered

_HEADERS = "pixtrieve_headers"
_PREFIX = "pixtrieve_"
_GREATEST_DIM = 16_000
_GREATEST_INDEXED_DIM = 2_000
_MOST = 1_000_000
_ROWS_A_STATEMENT = 500
_EF = 1000  # candidates of HNSW; the greatest that pgvector takes
_TYPES = {"number": "double precision", "flag": "boolean", "text": 'text COLLATE "C"'}


def connect(address: str, _token: str) -> PgStore:
    """Connect to a database; libpq finds the password in PGPASSWORD or ~/.pgpass."""
    return PgStore(address)


class PgStore:
    """See `ServedStore`. A collection is a table; headers are rows of `pixtrieve_headers`."""

    most = _MOST

    def __init__(self, address: str) -> None:
        """See `connect`."""
        self._address = address
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        with self._working() as db:
            db.execute("CREATE EXTENSION IF NOT EXISTS vector")
            db.execute(
                f"CREATE TABLE IF NOT EXISTS {_HEADERS} (name text PRIMARY KEY, header text)"
            )

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _working(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """Give a connection, in a transaction; errors become StoreError."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self._address, connect_timeout=20)
            with self._connection.transaction():
                yield self._connection
        except psycopg.Error as error:
            raise StoreError(
                f"the PostgreSQL server at {self._address} failed: {str(error).strip()[:400]}",
                "start the server, or search without it: pixtrieve store use faiss",
            ) from error

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._working() as db:
            return db.execute(sql.encode(), values).fetchall()

    def _do(self, sql: str, values: Sequence[object] = ()) -> None:
        with self._working() as db:
            db.execute(sql.encode(), values)

    def header(self, name: str) -> Header | None:
        """Return the header of a collection: see `ServedStore`."""
        rows = self._rows(f"SELECT header FROM {_HEADERS} WHERE name = %s", (name,))
        try:
            facts = json.loads(rows[0][0])
            facts["stamps"] = {int(number): stamp for number, stamp in facts["stamps"].items()}
            return Header(**facts)
        except (LookupError, ValueError, TypeError, AttributeError):
            return None

    def publish(self, name: str, header: Header) -> None:
        """Replace the header of a collection: see `ServedStore`."""
        self._do(
            f"INSERT INTO {_HEADERS} VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET header = excluded.header",
            (name, json.dumps(asdict(header))),
        )

    def make(self, spec: CollectionSpec) -> None:
        """Make an empty table: see `ServedStore`."""
        most = _GREATEST_DIM if spec.index == "FLAT" else _GREATEST_INDEXED_DIM
        if spec.dim > most:
            raise StoreError(
                f"pgvector takes vectors of up to {most:,} numbers here, and the model's have "
                f"{spec.dim:,}",
                "use the library's own files: pixtrieve store use faiss",
            )
        if spec.index == "HNSW":
            self._require_iterative_scans()
        columns = "".join(f", {each.name} {_TYPES[each.kind]}" for each in spec.columns)
        self.drop(spec.name)
        with self._working() as db:
            table = (
                f"CREATE TABLE {spec.name} (id bigint PRIMARY KEY, vector vector({spec.dim}),"
                f" vector_mark bigint, payload_mark bigint{columns})"
            )
            db.execute(table.encode())
            if spec.index == "HNSW":
                index = f"CREATE INDEX ON {spec.name} USING hnsw (vector vector_ip_ops)"
                db.execute(index.encode())

    def _require_iterative_scans(self) -> None:
        """Raise StoreError if the extension cannot go on when a filter leaves too few rows."""
        ((version,),) = self._rows("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        if [int(part) for part in version.split(".")[:2]] < [0, 8]:
            raise StoreError(
                f"an index needs pgvector 0.8 or newer; the server has {version}",
                "update the extension, or leave out ?index=HNSW",
            )

    def drop(self, name: str) -> None:
        """Delete a table and its header: see `ServedStore`."""
        with self._working() as db:
            db.execute(f"DELETE FROM {_HEADERS} WHERE name = %s".encode(), (name,))
            db.execute(f"DROP TABLE IF EXISTS {name}".encode())

    def collections(self) -> list[str]:
        """Return the names of all collections: see `ServedStore`."""
        rows = self._rows(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
            " AND starts_with(tablename, %s) AND tablename != %s ORDER BY 1",
            (_PREFIX, _HEADERS),
        )
        return [name for (name,) in rows]

    def upsert(self, spec: CollectionSpec, rows: Rows) -> None:
        """Send rows: see `ServedStore`."""
        names = [each.name for each in spec.columns]
        columns = ["vector", "vector_mark", "payload_mark", *names]
        sql = (
            f"INSERT INTO {spec.name} (id, {', '.join(columns)})"
            f" VALUES (%s, %s::vector{', %s' * (len(columns) - 1)}) ON CONFLICT (id) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in columns)
        )
        values = [
            (id_, _written(vector), one, two, *(payload[name] for name in names))
            for id_, vector, one, two, payload in zip(
                rows.ids.tolist(),
                rows.vectors,
                rows.vector_marks.tolist(),
                rows.payload_marks.tolist(),
                rows.payloads,
                strict=True,
            )
        ]
        for at in range(0, len(values), _ROWS_A_STATEMENT):
            with self._working() as db, db.cursor() as cursor:
                cursor.executemany(sql.encode(), values[at : at + _ROWS_A_STATEMENT])

    def delete(self, spec: CollectionSpec, ids: Ids) -> None:
        """Delete rows: see `ServedStore`."""
        self._do(f"DELETE FROM {spec.name} WHERE id = ANY(%s)", (ids.tolist(),))

    def settle(self, spec: CollectionSpec) -> None:
        """Do nothing: an index has every row that is committed."""

    def marks(self, spec: CollectionSpec, upto: int) -> tuple[Ids, Marks, Marks]:
        """Return all ids and marks: see `ServedStore`."""
        rows = self._rows(
            f"SELECT id, vector_mark, payload_mark FROM {spec.name} WHERE id <= %s ORDER BY id",
            (upto,),
        )
        ids, one, two = np.array(rows, np.int64).reshape(len(rows), 3).T
        return ids, one, two

    def fetch(self, spec: CollectionSpec, after: int, upto: int) -> tuple[Ids, Vectors]:
        """Return rows with their vectors: see `ServedStore`."""
        rows = self._rows(
            f"SELECT id, vector::real[] FROM {spec.name} WHERE id > %s AND id <= %s ORDER BY id",
            (after, upto),
        )
        vectors = np.array([vector for _, vector in rows], np.float32)
        return np.array([id_ for id_, _ in rows], np.int64), vectors.reshape(len(rows), spec.dim)

    def count(self, spec: CollectionSpec) -> int:
        """Return the number of rows: see `ServedStore`."""
        return int(self._rows(f"SELECT count(*) FROM {spec.name}")[0][0])

    def find(self, spec: CollectionSpec, test: Test, most: int) -> Ids:
        """Return ids of rows that pass a test: see `ServedStore`."""
        rows = self._rows(f"SELECT id FROM {spec.name} WHERE {_sql(test)} LIMIT {most}")
        return np.array([id_ for (id_,) in rows], np.int64)

    def nearest(
        self, spec: CollectionSpec, query: Vectors, k: int, test: Test | None, *, fresh: bool
    ) -> tuple[Scores, Ids]:
        """Return the nearest rows: see `ServedStore`. Every read is fresh."""
        condition = "" if test is None else f" WHERE {_sql(test)}"
        with self._working() as db:
            if spec.index == "HNSW":
                db.execute(f"SET LOCAL hnsw.ef_search = {_EF}".encode())
                db.execute(b"SET LOCAL hnsw.iterative_scan = strict_order")
            sql = (
                f"SELECT id, vector <#> %s::vector AS negated FROM {spec.name}{condition}"
                f" ORDER BY negated LIMIT {k}"
            )
            rows = db.execute(sql.encode(), (_written(query[0]),)).fetchall()
        scores = np.array([-negated for _, negated in rows], np.float32)
        return scores, np.array([id_ for id_, _ in rows], np.int64)


def _sql(test: Test) -> str:
    # A sign % is that of a parameter for psycopg, unless it is doubled.
    return rendered(test, equal="=", brackets="()").replace("%", "%%")


def _written(vector: Any) -> str:
    return "[" + ",".join(map(repr, vector.tolist())) + "]"
