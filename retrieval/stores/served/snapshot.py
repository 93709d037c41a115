"""A collection as a parquet file: `id` (int64) and `vector` (half floats), rising by id.

The file's metadata has a `StoreHeader` as JSON under "pixtrieve", so a file store can be built from
it that is known to be of a state of the catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np

from retrieval.errors import LibraryError, MissingExtra, StoreError, explain_os_error
from retrieval.stores import Ids, Pages, StoreHeader, Vectors
from retrieval.stores.served import PAGE, ServedStore, pages_up_to
from retrieval.stores.served.sync import ServedKey
from retrieval.vectors import STORED, are_unit
from retrieval.whole_file import whole_file

_METADATA = b"pixtrieve"


def write_snapshot(store: ServedStore, key: ServedKey, path: str) -> int:
    """Write a collection to a parquet file, atomically; return the number of vectors.

    Raises StoreError when the server fails, or has not all rows; LibraryError when the file cannot
    be written; MissingExtra without pyarrow.
    """
    arrow, parquet = _pyarrow()
    header = store.header(key.spec.name)
    if header is None or not header.stamp:
        raise StoreError("the vector server has no vectors of this library", "pixtrieve store sync")
    facts = StoreHeader(
        fingerprint=header.fingerprint,
        dim=header.dim,
        generation=header.generation,
        stamp=header.stamp,
        count=header.count,
        last_id=header.last_id,
        damaged=header.damaged,
    )
    kind = arrow.list_(arrow.float16(), header.dim)
    schema = arrow.schema(
        [("id", arrow.int64()), ("vector", kind)],
        metadata={_METADATA: json.dumps(asdict(facts)).encode()},
    )
    count = 0
    try:
        with whole_file(path, follow=True) as file, parquet.ParquetWriter(file, schema) as writer:
            for after, upto in pages_up_to(header.last_id, PAGE):
                ids, vectors = store.fetch(key.spec, after, upto)
                flat = arrow.array(vectors.astype(STORED).reshape(-1))
                column = arrow.FixedSizeListArray.from_arrays(flat, header.dim)
                writer.write_table(arrow.table([arrow.array(ids), column], schema=schema))
                count += len(ids)
            if count != header.count or store.header(key.spec.name) != header:
                raise StoreError(
                    f"the vector server returned {count:,} of {header.count:,} vectors",
                    "run the command again when no other process writes the library",
                )
    except OSError as error:
        raise explain_os_error(error, path) from error
    return count


@contextmanager
def read_snapshot(path: str) -> Iterator[tuple[StoreHeader, Pages]]:
    """Open a snapshot: its header, and its vectors a page at a time.

    Raises LibraryError for another or a damaged file, also while pages are read.
    """
    _, parquet = _pyarrow()
    try:
        with parquet.ParquetFile(path) as file:
            header = StoreHeader(**json.loads(file.schema_arrow.metadata[_METADATA]))
            yield header, _pages(file, header)
    except OSError as error:
        raise explain_os_error(error, path) from error
    except (ValueError, TypeError, KeyError) as error:  # pyarrow's errors are ValueErrors
        raise LibraryError(
            f"{path} is not a snapshot of a vector store, or it is damaged",
            "write one with: pixtrieve store snapshot FILE",
        ) from error


def _pages(file: Any, header: StoreHeader) -> Iterator[tuple[Ids, Vectors]]:
    last = 0
    for batch in file.iter_batches(PAGE):
        ids = batch.column("id").to_numpy(zero_copy_only=False).astype(np.int64)
        flat = batch.column("vector").flatten().to_numpy(zero_copy_only=False)
        vectors = flat.astype(np.float32).reshape(len(ids), header.dim)
        if not (np.diff(ids, prepend=last) > 0).all() or not are_unit(vectors).all():
            raise ValueError("ids do not rise, or vectors have not the length 1")
        if len(ids):
            last = int(ids[-1])
            yield ids, vectors


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet", "a snapshot") from error
    return pa, pq
