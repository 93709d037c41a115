"""Writing a library's vectors and metadata out, for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np

from retrieval.catalogue import ImageRow
from retrieval.errors import MissingExtra
from retrieval.specs import ModelSpec
from retrieval.vectors import STORED, from_blobs
from retrieval.whole_file import whole_file

Rows = Iterable[tuple[ImageRow, bytes]]

_PAGE = 10_000
_COLUMNS = (
    *("sha256", "format", "taken", "camera", "lens", "latitude", "longitude"),
    *("width", "height", "size"),
)


def export_npz(rows: Rows, spec: ModelSpec, path: str) -> int:
    r"""Write a NumPy archive; return the number of pictures.

    `embeddings` is (n, dim) float16, unit rows; `path`, `sha256`, `format`, `taken`, `camera`,
    `lens` are strings, `width`, `height`, `size` integers, `mtime` seconds since 1970, `latitude`
    and `longitude` degrees (not a number where unknown); `model` and `fingerprint` say
    what made the embeddings. Strings are plain unicode: no pickle is needed to read it. Bytes of
    a path that are not UTF-8 stand as `\xNN`. A picture with copies has one row a file.
    """
    pictures, blobs = [], []
    for row, file, blob in _one_a_file(rows):
        pictures.append((row, file))
        blobs.append(blob)
    columns = {
        "embeddings": from_blobs(blobs, spec.dim).astype(STORED),
        "path": np.array([_text(file) for _, file in pictures], np.str_),
        "sha256": np.array([row.sha256 for row, _ in pictures], np.str_),
        "format": np.array([row.format for row, _ in pictures], np.str_),
        "taken": np.array([row.taken for row, _ in pictures], np.str_),
        "camera": np.array([row.camera for row, _ in pictures], np.str_),
        "lens": np.array([row.lens for row, _ in pictures], np.str_),
        "latitude": np.array([row.latitude for row, _ in pictures], np.float64),
        "longitude": np.array([row.longitude for row, _ in pictures], np.float64),
        "width": np.array([row.width for row, _ in pictures], np.int64),
        "height": np.array([row.height for row, _ in pictures], np.int64),
        "size": np.array([row.size for row, _ in pictures], np.int64),
        "mtime": np.array([row.mtime_ns / 1e9 for row, _ in pictures], np.float64),
        "model": np.array(spec.name),
        "fingerprint": np.array(spec.fingerprint),
    }
    with whole_file(path) as archive:
        np.savez(archive, **columns)  # type: ignore[arg-type]
    return len(pictures)


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
    schema = pa.schema(
        [
            ("path", pa.string()),
            ("sha256", pa.string()),
            ("format", pa.string()),
            ("taken", pa.string()),
            ("camera", pa.string()),
            ("lens", pa.string()),
            ("latitude", pa.float64()),
            ("longitude", pa.float64()),
            ("width", pa.int64()),
            ("height", pa.int64()),
            ("size", pa.int64()),
            ("mtime", pa.float64()),
            ("embedding", pa.list_(pa.float16(), spec.dim)),
        ],
        metadata={"model": spec.name, "fingerprint": spec.fingerprint},
    )
    count = 0
    with whole_file(path) as file, pq.ParquetWriter(file, schema) as writer:
        for page in _pages(_one_a_file(rows), _PAGE):
            vectors = np.frombuffer(b"".join(blob for _, _, blob in page), STORED)
            table = {
                "path": [_text(file) for _, file, _ in page],
                **{name: [getattr(row, name) for row, _, _ in page] for name in _COLUMNS},
                "mtime": [row.mtime_ns / 1e9 for row, _, _ in page],
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
