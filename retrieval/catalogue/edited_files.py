"""Keeps a picture in its albums and among the favourites when its file is edited.

An edited file has another content, and albums hold contents. The same happens when a name is used
again for quite another picture, so the two are compared: by their vectors, which are near after a
crop, and by their luma thumbnails, which are after a rotation or without colours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retrieval.catalogue.connection import Connection
from retrieval.images.luma_thumbnail import SIDE
from retrieval.vectors import STORED

_LEAST_COSINE, _LEAST_CORRELATION = 0.8, 0.9
"""Either is enough for two pictures to be one before and after an edit."""


def follow_edit(db: Connection, old: int | None, new: int, model_id: int) -> None:
    """Put an image in the place of another one in albums and favourites, if it is an edit of it.

    A file that had the image `old` has the image `new` now. Nothing happens if other files have the
    old image. Within the caller's transaction.
    """
    if old is None or old == new:
        return
    collected = db.one(
        "SELECT 1 FROM images i WHERE i.id = ? AND i.orphaned_at IS NOT NULL AND (i.sha256 IN"
        " (SELECT sha256 FROM album_pictures) OR i.sha256 IN (SELECT sha256 FROM favourites))",
        (old,),
    )
    if not collected or not _alike(db, old, new, model_id):
        return
    content = "(SELECT sha256 FROM images WHERE id = ?)"
    for table in ("album_pictures", "favourites"):
        db.rows(
            f"UPDATE OR IGNORE {table} SET sha256 = {content} WHERE sha256 = {content}", (new, old)
        )
        db.rows(f"DELETE FROM {table} WHERE sha256 = {content}", (old,))  # it has both
    db.rows(f"UPDATE albums SET cover = {content} WHERE cover = {content}", (new, old))


def _alike(db: Connection, old: int, new: int, model_id: int) -> bool:
    vectors = "SELECT embedding FROM vectors WHERE image_id = ? AND view = 'whole' AND model_id = ?"
    first, second = (db.one(vectors, (image_id, model_id)) for image_id in (old, new))
    if _same_size(first, second):
        one, other = (np.frombuffer(blob, STORED).astype(np.float32) for blob in (first, second))
        if float(one @ other) >= _LEAST_COSINE:
            return True
    thumbnails = "SELECT sketch FROM sketches WHERE image_id = ?"
    first, second = (db.one(thumbnails, (image_id,)) for image_id in (old, new))
    return _same_size(first, second) and _correlation(first, second) >= _LEAST_CORRELATION


def _same_size(first: Any, second: Any) -> bool:
    both = isinstance(first, bytes) and isinstance(second, bytes)
    return both and len(first) == len(second)


def _correlation(first: bytes, second: bytes) -> float:
    """Return the correlation of two luma thumbnails, of the best rotation and reflection."""
    if len(first) != SIDE * SIDE:
        return -1.0
    one, other = (
        np.frombuffer(blob, np.uint8).reshape(SIDE, SIDE).astype(np.float32)
        for blob in (first, second)
    )
    one, other = one - one.mean(), other - other.mean()
    size = float(np.linalg.norm(one) * np.linalg.norm(other)) + 1.0  # plain pictures have none
    turned = (np.rot90(each, turns) for each in (other, other[:, ::-1]) for turns in range(4))
    return max(float((one * each).sum()) for each in turned) / size
