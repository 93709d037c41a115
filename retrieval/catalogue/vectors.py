"""Reads of vectors: all live ones, those newer than a cache, those that a cache must mask."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.connection import CHECKED_ROWS, GREATEST_NUMBER, Connection
from retrieval.catalogue.row_checks import sound
from retrieval.errors import LibraryError
from retrieval.vectors import STORED, sound_rows, sound_vector

_PAGE = 4096

GREATEST_ID = 2**31
"""No vector has a greater id: indexes need a bit, or a byte, for each number up to the greatest."""

_SOUND = sound("vectors", "v")

WHOLE, TEXT, PARTS = "whole", "text", "parts"
"""Views of an image: the picture itself, its texts (`catalogue.texts`), and its parts.

Each part has a view of its own (`images.parts`); `PARTS` stands for all of them.
"""

VIEWS = (WHOLE, TEXT, PARTS)

# Literals, because SQLite uses the partial indexes of texts and of parts only with them.
_TESTS = {
    WHOLE: "= 'whole'",
    TEXT: "= 'text'",
    PARTS: "NOT IN ('whole', 'text')",
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The catalogue's state: any change that affects search results increments `generation`.

    `stamp` is a random text, unique to this generation of this catalogue.
    """

    generation: int
    stamp: str


class Vectors:
    """One model's vectors of one view. A live vector belongs to an image with a file."""

    def __init__(self, db: Connection, model_id: int, dim: int, view: str = WHOLE) -> None:
        self._db = db
        self._model_id = model_id
        self._dim = dim
        self._is_view = _TESTS[view]
        self._of_view = f"v.model_id = ? AND v.view {self._is_view}"

    def snapshot(self) -> Snapshot:
        """Return the catalogue's current state."""
        generation = self._db.number(
            f"SELECT value FROM state WHERE key = 'generation' AND {sound('state')}"
        )
        stamp = self.stamp_of(generation)
        if stamp is None:
            raise self._db.damaged(f"its generation, {generation}, has no stamp")
        return Snapshot(generation, stamp)

    def stamp_of(self, generation: int) -> str | None:
        """Return the stamp of a generation; None if it never existed or is too old.

        The record of removed vectors begins at the oldest generation with a stamp.
        """
        found = self._db.one("SELECT stamp FROM stamps WHERE generation = ?", (generation,))
        return None if found is None else str(found)

    def after(
        self, last_id: int, damaged: list[int] | None = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield pages of (n,) int64 ids above `last_id`, ascending, and their (n, dim) vectors.

        A damaged row is left out, and its id is appended to `damaged`: one that holds no unit
        vector of the model's dimension, that belongs to no image, that differs from its
        checksum, or whose id is impossible.
        LibraryError if all vectors have the same other length, so that the model's is damaged.
        """
        if last_id == 0 and damaged is not None:
            damaged += self._ids("v.id < 1")
        while True:
            rows = self._db.rows(
                f"SELECT v.id, v.embedding, i.id IS NOT NULL AND {_SOUND} FROM vectors v"
                " LEFT JOIN images i ON i.id = v.image_id"
                f" WHERE v.id > ? AND v.id <= {GREATEST_ID} AND {self._of_view}"
                " AND i.orphaned_at IS NULL ORDER BY v.id LIMIT ?",
                (last_id, self._model_id, _PAGE),
            ).fetchall()
            if not rows:
                break
            ids, blobs, checked = zip(*rows, strict=True)
            page = np.array(ids, np.int64)
            vectors, good = sound_rows(blobs, self._dim)
            if not good.any():
                self._require_own_length(blobs)
            good &= np.array(checked, np.bool_)
            if damaged is not None:
                damaged += page[~good].tolist()
            yield page[good], vectors[good]
            last_id = ids[-1]
        if damaged is not None:
            damaged += self._ids(f"v.id > {GREATEST_ID}")

    def _ids(self, condition: str) -> list[int]:
        rows = self._db.rows(
            f"SELECT v.id FROM vectors v WHERE {condition} AND {self._of_view}", (self._model_id,)
        )
        return [id_ for (id_,) in rows]

    def _require_own_length(self, blobs: Sequence[Any]) -> None:
        """Raise LibraryError if several vectors have one length, which is not the model's."""
        sizes = {len(blob) if isinstance(blob, bytes) else 0 for blob in blobs}
        size = next(iter(sizes))
        if len(blobs) > 1 and len(sizes) == 1 and size not in (0, self._dim * STORED.itemsize):
            raise self._db.damaged(
                f"it says that its model's vectors have {self._dim} numbers, but they have "
                f"{size // STORED.itemsize}"
            )

    def contents(self, without: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Return the images of all live vectors, in the order of `after`, as two (n,) arrays.

        They are the int64 image ids, and the first 8 bytes of each SHA-256 as a little-endian
        uint64. `without` are the ids of damaged vectors.
        """
        rows = self._db.rows(
            f"SELECT i.id, i.sha256, {sound('images', 'i')} FROM vectors v"
            f" JOIN images i ON i.id = v.image_id WHERE {self._of_view} AND i.orphaned_at IS NULL"
            " AND v.id NOT IN (SELECT value FROM json_each(?)) ORDER BY v.id",
            (self._model_id, json.dumps(without.tolist())),
        ).fetchall()
        ids = np.array([id_ for id_, *_ in rows], np.int64)
        if not all(good and isinstance(sha256, bytes) for _, sha256, good in rows):
            raise self._db.altered("the row of a picture")
        starts = b"".join(sha256[:8] for _, sha256, _ in rows)
        return ids, np.frombuffer(starts, "<u8").astype(np.uint64)

    def names(self, ids: Sequence[int]) -> list[str]:
        """Return the paths of the pictures of vectors, as far as there are any."""
        rows = self._db.rows(
            "SELECT r.path, min(f.path) FROM json_each(?) j JOIN vectors v ON v.id = j.value"
            " JOIN files f ON f.image_id = v.image_id JOIN roots r ON r.id = f.root_id"
            " GROUP BY v.id ORDER BY 1, 2",
            (json.dumps(list(ids)),),
        )
        return [f"{root}/{path}" for root, path in rows]

    def count_lacking(self) -> int:
        """Count the contents that have a file, but no vector here: no search finds them."""
        return self._db.number(
            "SELECT count(DISTINCT f.image_id) FROM files f"
            " LEFT JOIN images i ON i.id = f.image_id AND i.orphaned_at IS NULL"
            f" LEFT JOIN vectors v ON v.image_id = i.id AND {self._of_view}"
            " WHERE f.image_id IS NOT NULL AND v.id IS NULL",
            (self._model_id,),
        )

    def count(self) -> int:
        """Return how many vectors are live."""
        return self._db.number(
            "SELECT count(*) FROM vectors v JOIN images i ON i.id = v.image_id"
            f" WHERE {self._of_view} AND i.orphaned_at IS NULL",
            (self._model_id,),
        )

    def exist(self) -> bool:
        """Tell whether there are any vectors, live or not."""
        sql = f"SELECT 1 FROM vectors v WHERE {self._of_view} LIMIT 1"
        return self._db.one(sql, (self._model_id,)) is not None

    def removed_since(self, generation: int) -> NDArray[np.int64]:
        """Return the sorted int64 ids that left the results after a generation.

        An id that is in the results after all is left out: its row in the record is damaged.
        """
        rows = self._db.rows(
            f"SELECT vector_id FROM removed WHERE model_id = ? AND view {self._is_view}"
            " AND generation > ?"
            " AND NOT EXISTS (SELECT 1 FROM vectors v JOIN images i ON i.id = v.image_id"
            "  WHERE v.id = vector_id AND i.orphaned_at IS NULL)"
            " ORDER BY vector_id",
            (self._model_id, generation),
        )
        return np.array([id_ for (id_,) in rows], np.int64)

    def of_image(self, image_id: int) -> NDArray[np.float32] | None:
        """Return the image's (dim,) float32 vector; None if it has none, or a damaged one."""
        if abs(image_id) > GREATEST_NUMBER:
            return None
        blob = self._db.one(
            "SELECT embedding FROM vectors v"
            f" WHERE image_id = ? AND model_id = ? AND +view {self._is_view} AND {_SOUND}",
            (image_id, self._model_id),
        )
        return None if blob is None else sound_vector(blob, self._dim)

    def ids_of(self, image_ids: NDArray[np.int64], *, certain: bool = False) -> NDArray[np.int64]:
        """Return the (n,) vector ids of n images, in the same order; 0 for images without one.

        If `certain`, and in a small library (`CHECKED_ROWS`), an index of SQLite that has lost some
        is a LibraryError.
        """
        # CROSS JOIN and + prevent SQLite from scanning the whole view for each image.
        rows = self._db.rows(
            "SELECT v.image_id, v.id FROM json_each(?) j CROSS JOIN vectors v"
            f" ON v.image_id = j.value AND v.model_id = ? AND +v.view {self._is_view}",
            (json.dumps(image_ids.tolist()), self._model_id),
        )
        found = dict(rows.fetchall())
        lacking = [id_ for id_ in image_ids.tolist() if id_ not in found]
        if certain and lacking and self._in_table(lacking):
            raise self.index_damaged()
        return np.array([found.get(id_, 0) for id_ in image_ids.tolist()], np.int64)

    def _in_table(self, image_ids: list[int]) -> bool:
        """Tell whether the table of a small library has vectors that its index did not find."""
        if self._db.number("SELECT coalesce(max(id), 0) FROM vectors") > CHECKED_ROWS:
            return False
        there = self._db.one(
            f"SELECT 1 FROM vectors v NOT INDEXED WHERE {self._of_view}"
            " AND v.image_id IN (SELECT value FROM json_each(?)) LIMIT 1",
            (self._model_id, json.dumps(image_ids)),
        )
        return there is not None

    def owners(self) -> NDArray[np.int64]:
        """Return the ids (3, n) of all live parts, of their images, and of the wholes' vectors.

        The parts' ids rise. A part whose image has no vector as a whole is left out.
        """
        rows = self._db.rows(
            "SELECT v.id, v.image_id, w.id FROM vectors v JOIN images i ON i.id = v.image_id"
            " JOIN vectors w ON w.image_id = v.image_id AND w.model_id = v.model_id"
            f" AND w.view = 'whole' WHERE {self._of_view} AND i.orphaned_at IS NULL ORDER BY v.id",
            (self._model_id,),
        ).fetchall()
        return np.array(rows, np.int64).reshape(-1, 3).T

    def views_of_image(self, image_id: int) -> list[str]:
        """Return the views of an image's vectors, in the order of their ids."""
        if abs(image_id) > GREATEST_NUMBER:
            return []
        rows = self._db.rows(
            "SELECT v.view FROM vectors v WHERE v.image_id = ? AND v.model_id = ?"
            f" AND +v.view {self._is_view} ORDER BY v.id",
            (image_id, self._model_id),
        )
        return [str(view) for (view,) in rows]

    def views_of(self, ids: NDArray[np.int64]) -> list[str]:
        """Return the views of n vectors, in the same order; "" for unknown vectors."""
        rows = self._db.rows(
            "SELECT v.id, v.view FROM json_each(?) j CROSS JOIN vectors v ON v.id = j.value",
            (json.dumps(ids.tolist()),),
        )
        found = dict(rows.fetchall())
        return [str(found.get(id_, "")) for id_ in ids.tolist()]

    def index_damaged(self) -> LibraryError:
        """Return the error for an index of SQLite that finds other vectors than the table has."""
        return self._db.damaged("an index of the table vectors is not that of its rows")

    def images_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the (n,) image ids of n vectors, in the same order; 0 for unknown vectors."""
        rows = self._db.rows(
            "SELECT v.id, v.image_id FROM json_each(?) j CROSS JOIN vectors v ON v.id = j.value",
            (json.dumps(ids.tolist()),),
        )
        found = dict(rows.fetchall())
        return np.array([found.get(id_, 0) for id_ in ids.tolist()], np.int64)
