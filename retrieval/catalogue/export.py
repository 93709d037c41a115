"""Writing a library's vectors and metadata out, for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, get_args, get_type_hints

import numpy as np

from retrieval.catalogue import ImageRow
from retrieval.errors import MissingExtra
from retrieval.query.fields import COLUMNS, PictureFacts
from retrieval.specs import ModelSpec
from retrieval.vectors import STORED, from_blobs
from retrieval.whole_file import whole_file

Rows = Iterable[tuple[ImageRow, bytes]]

_PAGE = 10_000
_COLUMNS = ("path", "sha256", *COLUMNS, "mtime")


def export_npz(rows: Rows, spec: ModelSpec, path: str) -> int:
    r"""Write a NumPy archive; return the number of pictures.

    `embeddings` is (n, dim) float16, unit rows; `path`, `sha256`, `mtime` (seconds since 1970) and
    all `COLUMNS` of `retrieval.query.fields` are arrays of that length: strings, integers, and
    floats, which are not a number where something is unknown; `model` and `fingerprint` say
    what made the embeddings. Strings are plain unicode: no pickle is needed to read it. Bytes of
    a path that are not UTF-8 stand as `\xNN`. A picture with copies has one row a file.
    """
    rows_of_files = list(_one_a_file(rows))
    kinds = {str: np.str_, int: np.int64, float: np.float64}
    columns = {
        "embeddings": from_blobs([blob for *_, blob in rows_of_files], spec.dim).astype(STORED),
        **{
            name: np.array([_value(name, row, file) for row, file, _ in rows_of_files], kinds[kind])
            for name, kind in _kinds().items()
        },
        "model": np.array(spec.name),
        "fingerprint": np.array(spec.fingerprint),
    }
    with whole_file(path) as archive:
        np.savez(archive, **columns)  # type: ignore[arg-type]
    return len(rows_of_files)


def export_parquet(rows: Rows, spec: ModelSpec, path: str) -> int:
    """Write a Parquet file, page by page; return the number of pictures.

    The columns are those of `export_npz`; `embedding` is a fixed-size list of half floats, and
    the model and fingerprint are in the file's metadata. MissingExtra without pyarrow.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet", "export to Parquet") from error
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema(
        [
            *((name, kinds[kind]) for name, kind in _kinds().items()),
            ("embedding", pa.list_(pa.float16(), spec.dim)),
        ],
        metadata={"model": spec.name, "fingerprint": spec.fingerprint},
    )
    count = 0
    with whole_file(path) as file, pq.ParquetWriter(file, schema) as writer:
        for page in _pages(_one_a_file(rows), _PAGE):
            vectors = np.frombuffer(b"".join(blob for _, _, blob in page), STORED)
            table = {
                **{name: [_value(name, *each[:2]) for each in page] for name in _COLUMNS},
                "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors), spec.dim),
            }
            writer.write_table(pa.table(table, schema=schema))
            count += len(page)
    return count


FORMATS: dict[str, Callable[[Rows, ModelSpec, str], int]] = {
    ".npz": export_npz,
    ".parquet": export_parquet,
}
"""What writes a file, by the ending of its name."""


def _kinds() -> dict[str, type]:
    """Return the type of each column's values: str, int or float."""
    hints = {**get_type_hints(PictureFacts), "path": str, "mtime": float}
    return {name: _kind(hints[name]) for name in _COLUMNS}


def _kind(hint: Any) -> type:
    """Return a column's type. A number that may be unknown is a float: NumPy's ints cannot be."""
    if hint is int:
        return int
    return float if {int, float} & {hint, *get_args(hint)} else str


def _value(name: str, row: ImageRow, file: str) -> Any:
    if name == "path":
        return _text(file)
    return row.mtime_ns / 1e9 if name == "mtime" else getattr(row, name)


def _one_a_file(rows: Rows) -> Iterator[tuple[ImageRow, str, bytes]]:
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
