"""The files of clip-retrieval's layout: vectors, and the metadata that belongs to them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.context import ModelInUse
from retrieval.errors import SourceError
from retrieval.images.sources.rows import ADDRESSES, PATHS, find_column
from retrieval.images.sources.storage import explained
from retrieval.indexing.shards.files import IMAGES, METADATA, TEXTS
from retrieval.indexing.shards.metadata import arrow
from retrieval.vectors import STORED

ROWS_AT_ONCE = 4096
_ROW_BITS = 40
_ROW = 2**_ROW_BITS - 1


@dataclass(frozen=True, slots=True)
class Part:
    """A file of vectors with its metadata; `texts` is "" if there are no vectors of captions."""

    vectors: str
    metadata: str
    texts: str


def place_of(number: int, row: int) -> int:
    """Return one number for a file and a row in it."""
    return number << _ROW_BITS | row


class AllVectors:
    """All vectors of a folder, mapped from disk: of pictures, and of captions where there are."""

    def __init__(self, parts: list[Part], model: ModelInUse) -> None:
        self._images: list[NDArray[Any]] = []
        self._texts: list[NDArray[Any] | None] = []
        for part in parts:
            count = count_of(part.metadata)
            self._images.append(mapped(part.vectors, count, model))
            self._texts.append(mapped(part.texts, count, model) if part.texts else None)

    def of(self, at: int) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
        """Return the (dim,) vectors of a picture and of its caption, zero without one."""
        row = at & _ROW
        image, text = self.page(at >> _ROW_BITS, slice(row, row + 1))
        return image[0], text[0]

    def page(self, number: int, rows: slice) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
        """Return (n, dim) unit vectors of pictures and of captions, of some rows of a file."""
        return unit_rows(self._images[number][rows]), self.texts(number, rows)

    def texts(self, number: int, rows: slice) -> NDArray[np.float16]:
        """Return (n, dim) unit vectors of the captions of some rows of a file, zero without one."""
        texts = self._texts[number]
        if texts is None:
            return np.zeros_like(self._images[number][rows], STORED)
        return unit_rows(texts[rows])


def parts_of(path: str) -> list[Part]:
    """Pair the files of the folders, in the order of the numbers in their names."""
    vectors, metadata = _numbered(path, IMAGES, ".npy"), _numbered(path, METADATA, ".parquet")
    texts = _numbered(path, TEXTS, ".npy") or [""] * len(vectors)
    if not vectors or not len(vectors) == len(metadata) == len(texts):
        raise SourceError(
            f"{path} has {len(vectors)} files of vectors, {len(metadata)} of metadata",
            "each .npy in img_emb/ needs its .parquet in metadata/ (--metadata, as "
            "clip-retrieval writes by default)",
        )
    return [Part(*each) for each in zip(vectors, metadata, texts, strict=True)]


def _numbered(path: str, kind: str, ending: str) -> list[str]:
    folder = os.path.join(path, kind)
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [
        os.path.join(folder, name)
        for name in sorted(
            (name for name in names if name.endswith(ending)),
            key=lambda name: ([int(digits) for digits in re.findall(r"\d+", name)], name),
        )
    ]


def pages(path: str) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Yield pages of metadata with the number of their first row."""
    start = 0
    with explained(path):
        for batch in open_metadata(path).iter_batches(ROWS_AT_ONCE):
            yield start, batch.to_pylist()
            start += batch.num_rows


def targets(path: str, *others: str) -> Iterator[tuple[int, list[Any]]]:
    """Yield pages of what names the pictures, with the number of their first row.

    No other column is read. `others` are names of it beside the usual ones; SourceError without it.
    """
    file = open_metadata(path)
    column = target_column(path, file.schema_arrow.names, *others)
    start = 0
    with explained(path):
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=[column]):
            yield start, batch.column(0).to_pylist()
            start += batch.num_rows


def count_of(path: str) -> int:
    """Return the number of rows of a file of metadata; raises SourceError."""
    return int(open_metadata(path).metadata.num_rows)


def open_metadata(path: str) -> Any:
    """Return pyarrow's ParquetFile; raises SourceError, or MissingExtra without pyarrow."""
    _, pq = arrow(f"reading {path}")
    with explained(path):
        return pq.ParquetFile(path)


def target_column(path: str, names: Iterable[str], *others: str) -> str:
    """Return the column that names the pictures; raises SourceError if there is none."""
    column = find_column(names, "", ("image_path", *others, *ADDRESSES, *PATHS))
    if not column:
        raise SourceError(
            f"{path} has no column image_path or url", f"its columns: {', '.join(names)}"
        )
    return column


def mapped(path: str, count: int, model: ModelInUse) -> NDArray[Any]:
    """Return (count, dim) vectors, mapped from disk; SourceError for any other file."""
    dim = model.row.spec.dim
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(f"{path} holds no vectors: {error}", "copy the file again") from error
    if found.ndim != 2 or found.shape != (count, dim) or found.dtype.kind != "f":
        raise SourceError(
            f"{path} holds {found.shape} numbers of {found.dtype}; {count} rows of {dim} belong "
            f"to its metadata and to {model.row.spec.name}",
            "import into a library of the model that made them: --model NAME",
        )
    return np.asarray(found)


def unit_rows(rows: NDArray[Any]) -> NDArray[np.float16]:
    """Return rows of length 1 as stored; those without a direction are zero."""
    floats = np.asarray(rows, np.float32)
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(floats, axis=1, keepdims=True)
        unit = np.where(np.isfinite(lengths) & (lengths > 0), floats / lengths, 0)
    return np.asarray(unit, STORED)
