"""Export in clip-retrieval's layout: vectors as npy, metadata as Parquet, row by row.

`pixtrieve import` reads it again, and so do programs that know the layout (autofaiss,
embedding-reader, clip-retrieval's own back end).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import COLUMNS, TEXT, Catalogue, ImageRow, ModelRow
from retrieval.catalogue.export import COLUMN_NAMES, arrow_columns, column_value
from retrieval.catalogue.texts import DESCRIBING
from retrieval.errors import LibraryError, MissingExtra
from retrieval.vectors import STORED, from_blobs
from retrieval.whole_file import whole_file

ROWS_PER_FILE = 100_000

_Row = tuple[ImageRow, str, bytes]


def export_layout(
    catalogue: Catalogue, model: ModelRow, folder: str, *, rows_per_file: int | None = None
) -> int:
    """Write img_emb/, metadata/ and text_emb/ into a new or empty folder; return the rows.

    The vectors are (n, dim) float16 rows of length 1; those of captions are zero for pictures
    without one. A picture with copies has one row per file. Raises MissingExtra without pyarrow,
    LibraryError if the folder holds anything, OSError if it cannot be written.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet", "export to this layout") from error
    os.makedirs(folder, exist_ok=True)
    if os.listdir(folder):
        raise LibraryError(f"{folder} is not empty", "name a new folder")
    for name in ("img_emb", "metadata", "text_emb"):
        os.makedirs(os.path.join(folder, name))
    schema = _schema(pa, model)
    rows, count, size = _rows(catalogue, model), 0, rows_per_file or ROWS_PER_FILE
    for number, page in enumerate(iter(lambda: list(islice(rows, size)), [])):
        images = from_blobs([blob for *_, blob in page], model.spec.dim)
        texts, table = _texts(catalogue, model, page), _table(catalogue, page)
        for name, vectors in (("img_emb", images), ("text_emb", texts)):
            path = os.path.join(folder, name, f"{name}_{number:05d}.npy")
            with whole_file(path) as file:
                np.save(file, vectors.astype(STORED))
        path = os.path.join(folder, "metadata", f"metadata_{number:05d}.parquet")
        with whole_file(path) as file:
            pq.write_table(pa.table(table, schema=schema), file)
        count += len(page)
    return count


def _rows(catalogue: Catalogue, model: ModelRow) -> Iterator[_Row]:
    for image, blob in catalogue.lookup.images(model.id, model.spec.dim):
        for path in image.paths:
            yield image, path, blob


def _schema(pa: Any, model: ModelRow) -> Any:
    facts = [column for column in arrow_columns(pa) if column[0] != "path"]
    return pa.schema(
        [
            ("image_path", pa.string()),
            ("caption", pa.string()),
            *facts,
            ("columns", pa.list_(pa.string())),
        ],
        metadata={"model": model.spec.name, "fingerprint": model.spec.fingerprint},
    )


def _table(catalogue: Catalogue, page: Sequence[_Row]) -> dict[str, list[Any]]:
    told = [
        {each.source: each.text for each in catalogue.texts.of_image(row.id)} for row, *_ in page
    ]
    return {
        "image_path": [column_value("path", row, path) for row, path, _ in page],
        "caption": [
            "\n".join(texts[source] for source in sorted(DESCRIBING) if source in texts)
            for texts in told
        ],
        **{
            name: [column_value(name, row, path) for row, path, _ in page]
            for name in COLUMN_NAMES
            if name != "path"
        },
        "columns": [texts[COLUMNS].split("\n") if COLUMNS in texts else [] for texts in told],
    }


def _texts(catalogue: Catalogue, model: ModelRow, page: Sequence[_Row]) -> NDArray[np.float32]:
    """Return the (n, dim) vectors of the descriptions; zero rows for pictures without one."""
    stored = catalogue.vectors(model, TEXT)
    found = np.zeros((len(page), model.spec.dim), np.float32)
    for at, (row, *_) in enumerate(page):
        vector = stored.of_image(row.id)
        if vector is not None:
            found[at] = vector
    return found
