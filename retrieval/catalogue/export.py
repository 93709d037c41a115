"""Export of a library's vectors and metadata for other programs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import ImageRow
from retrieval.errors import MissingExtra
from retrieval.query.fields import COLUMNS, PictureFacts, as_stored
from retrieval.specs import ModelSpec
from retrieval.vectors import STORED
from retrieval.whole_file import whole_file

Rows = Iterable[tuple[ImageRow, bytes]]

_PAGE = 10_000
COLUMN_NAMES = ("path", "sha256", *COLUMNS, "mtime")
"""The columns of every export, beside the vectors."""


def export_npz(rows: Rows, spec: ModelSpec, path: str) -> int:
    r"""Write a NumPy archive; return the number of rows.

    `embeddings` is (n, dim) float16 with unit rows. `path`, `sha256`, `mtime` (seconds since 1970)
    and all `COLUMNS` of `retrieval.query.fields` are arrays of length n: strings, integers,
    booleans, or floats with NaN for unknown values. Several names are one string, a name a line.
    `model` and `fingerprint` identify the model.
    Strings are plain Unicode, so reading needs no pickle. Bytes of a path that are not UTF-8 are
    written as `\xNN`. A picture with copies has one row per file.
    """
    kinds = {str: np.str_, int: np.int64, float: np.float64, bool: np.bool_}
    dtypes = {name: kinds[kind] for name, kind in column_kinds().items()}
    parts: dict[str, list[NDArray[Any]]] = {
        name: [np.empty(0, dtype)] for name, dtype in dtypes.items()
    }
    # Vectors wait on disk, for they may be more than fits into memory.
    with tempfile.TemporaryFile(dir=os.path.dirname(os.path.abspath(path))) as vectors:
        for page in _pages(_row_per_file(rows), _PAGE):
            vectors.write(b"".join(blob for *_, blob in page))
            for name, dtype in dtypes.items():
                values = [column_value(name, row, file) for row, file, _ in page]
                parts[name].append(np.array(values, dtype))
        columns: dict[str, NDArray[Any]] = {
            name: np.concatenate(parts.pop(name)) for name in dtypes
        }
        count = len(columns["path"])
        vectors.flush()
        shape = (count, spec.dim)
        embeddings = np.memmap(vectors, STORED, "r", 0, shape) if count else np.empty(shape, STORED)
        columns |= {
            "embeddings": embeddings,
            "model": np.array(spec.name),
            "fingerprint": np.array(spec.fingerprint),
        }
        with whole_file(path, follow=True) as archive:
            np.savez(archive, **columns)  # type: ignore[arg-type]
    return count


def export_parquet(rows: Rows, spec: ModelSpec, path: str) -> int:
    """Write a Parquet file, page by page; return the number of rows.

    The columns are those of `export_npz`. `embedding` is a fixed-size list of float16. The file's
    metadata has `model` and `fingerprint`. Raises MissingExtra without pyarrow.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet", "export to Parquet") from error
    schema = pa.schema(
        [
            *arrow_columns(pa),
            ("embedding", pa.list_(pa.float16(), spec.dim)),
        ],
        metadata={"model": spec.name, "fingerprint": spec.fingerprint},
    )
    count = 0
    with whole_file(path, follow=True) as file, pq.ParquetWriter(file, schema) as writer:
        for page in _pages(_row_per_file(rows), _PAGE):
            vectors = np.frombuffer(b"".join(blob for _, _, blob in page), STORED)
            table = {
                **{name: [column_value(name, *each[:2]) for each in page] for name in COLUMN_NAMES},
                "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors), spec.dim),
            }
            writer.write_table(pa.table(table, schema=schema))
            count += len(page)
    return count


FORMATS: dict[str, Callable[[Rows, ModelSpec, str], int]] = {
    ".npz": export_npz,
    ".parquet": export_parquet,
}
"""Export functions by file extension."""


def arrow_columns(pa: Any) -> list[tuple[str, Any]]:
    """Return the name and the type of each column, as pyarrow has them."""
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    return [(name, kinds[kind]) for name, kind in column_kinds().items()]


def column_kinds() -> dict[str, type]:
    """Return the type of each column's values: str, int, float or bool."""
    hints = {**get_type_hints(PictureFacts), "path": str, "mtime": float}
    return {name: _kind(hints[name]) for name in COLUMN_NAMES}


def _kind(hint: Any) -> type:
    """Return a column's type; a number that may be unknown is a float, because NaN is one."""
    if hint in (int, bool):
        return hint  # type: ignore[no-any-return]
    return float if {int, float} & {hint, *get_args(hint)} else str


def column_value(name: str, row: ImageRow, file: str) -> Any:
    """Return the value of a column for one file of an image."""
    if name == "path":
        return _text(file)
    return row.mtime_ns / 1e9 if name == "mtime" else as_stored(name, getattr(row, name))


def _row_per_file(rows: Rows) -> Iterator[tuple[ImageRow, str, bytes]]:
    for row, blob in rows:
        for file in row.paths:
            yield row, file, blob


def _pages(
    rows: Iterator[tuple[ImageRow, str, bytes]], size: int
) -> Iterator[list[tuple[ImageRow, str, bytes]]]:
    while page := list(islice(rows, size)):
        yield page


def _text(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
