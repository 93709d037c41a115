"""Reads of vectors: all live ones, those newer than a cache, those that a cache must mask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.connection import Connection
from retrieval.vectors import from_blobs

_PAGE = 4096

WHOLE, TEXT = "whole", "text"
"""Views of an image: the picture itself, and its texts (`catalogue.texts`)."""


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
        self._view = view
        # A literal, because SQLite uses the partial index of texts' vectors only with one.
        self._of_view = f"v.model_id = ? AND v.view = '{view}'"

    def snapshot(self) -> Snapshot:
        """Return the catalogue's current state."""
        generation = self._db.one("SELECT value FROM state WHERE key = 'generation'")
        stamp = self.stamp_of(generation)
        assert stamp is not None
        return Snapshot(generation, stamp)

    def stamp_of(self, generation: int) -> str | None:
        """Return the stamp of a generation; None if it never existed or is too old.

        The record of removed vectors begins at the oldest generation with a stamp.
        """
        found = self._db.one("SELECT stamp FROM stamps WHERE generation = ?", (generation,))
        return None if found is None else str(found)

    def after(self, last_id: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield pages of (n,) int64 ids above `last_id`, ascending, and their (n, dim) vectors."""
        while True:
            rows = self._db.rows(
                "SELECT v.id, v.embedding FROM vectors v JOIN images i ON i.id = v.image_id"
                f" WHERE v.id > ? AND {self._of_view} AND i.orphaned_at IS NULL"
                " ORDER BY v.id LIMIT ?",
                (last_id, self._model_id, _PAGE),
            ).fetchall()
            if not rows:
                return
            ids, blobs = zip(*rows, strict=True)
            yield np.array(ids, np.int64), from_blobs(blobs, self._dim)
            last_id = ids[-1]

    def contents(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Return the images of all live vectors, in the order of `after`, as two (n,) arrays.

        They are the int64 image ids, and the first 8 bytes of each SHA-256 as a little-endian
        uint64.
        """
        rows = self._db.rows(
            "SELECT i.id, substr(i.sha256, 1, 8) FROM vectors v JOIN images i ON i.id = v.image_id"
            f" WHERE {self._of_view} AND i.orphaned_at IS NULL ORDER BY v.id",
            (self._model_id,),
        ).fetchall()
        ids = np.array([id_ for id_, _ in rows], np.int64)
        return ids, np.frombuffer(b"".join(start for _, start in rows), "<u8").astype(np.uint64)

    def count(self) -> int:
        """Return how many vectors are live."""
        return int(
            self._db.one(
                "SELECT count(*) FROM vectors v JOIN images i ON i.id = v.image_id"
                f" WHERE {self._of_view} AND i.orphaned_at IS NULL",
                (self._model_id,),
            )
        )

    def exist(self) -> bool:
        """Tell whether there are any vectors, live or not."""
        sql = f"SELECT 1 FROM vectors v WHERE {self._of_view} LIMIT 1"
        return self._db.one(sql, (self._model_id,)) is not None

    def removed_since(self, generation: int) -> NDArray[np.int64]:
        """Return the sorted int64 ids that left the results after a generation."""
        rows = self._db.rows(
            "SELECT vector_id FROM removed WHERE model_id = ? AND view = ? AND generation > ?"
            " ORDER BY vector_id",
            (self._model_id, self._view, generation),
        )
        return np.array([id_ for (id_,) in rows], np.int64)

    def of_image(self, image_id: int) -> NDArray[np.float32] | None:
        """Return the image's (dim,) float32 vector, or None."""
        blob = self._db.one(
            "SELECT embedding FROM vectors WHERE image_id = ? AND model_id = ? AND +view = ?",
            (image_id, self._model_id, self._view),
        )
        return None if blob is None else from_blobs([blob], self._dim)[0]

    def ids_of(self, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the (n,) vector ids of n images, in the same order; 0 for images without one."""
        # CROSS JOIN and + prevent SQLite from scanning the whole view for each image.
        rows = self._db.rows(
            "SELECT v.image_id, v.id FROM json_each(?) j CROSS JOIN vectors v"
            " ON v.image_id = j.value AND v.model_id = ? AND +v.view = ?",
            (json.dumps(image_ids.tolist()), self._model_id, self._view),
        )
        found = dict(rows.fetchall())
        return np.array([found.get(id_, 0) for id_ in image_ids.tolist()], np.int64)

    def images_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the (n,) image ids of n vectors, in the same order; 0 for unknown vectors."""
        rows = self._db.rows(
            "SELECT v.id, v.image_id FROM json_each(?) j CROSS JOIN vectors v ON v.id = j.value",
            (json.dumps(ids.tolist()),),
        )
        found = dict(rows.fetchall())
        return np.array([found.get(id_, 0) for id_ in ids.tolist()], np.int64)
