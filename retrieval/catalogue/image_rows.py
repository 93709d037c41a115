"""Rows of new contents: pictures and videos, with their vectors and the texts in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.connection import Connection
from retrieval.catalogue.texts import EMBEDDED, Texts
from retrieval.catalogue.vectors import WHOLE
from retrieval.images import PictureInfo
from retrieval.query.fields import FACTS, Facts, as_stored
from retrieval.vectors import to_blobs

_ORDER = ", ".join(FACTS)


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """A new content with its embedding, a (dim,) float32 unit vector, and those of its parts.

    `parts` maps the view of each part (`images.parts`) to its unit vector (dim,).
    """

    sha256: bytes
    info: PictureInfo
    embedding: NDArray[np.float32]
    parts: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def stored_facts(facts: Facts) -> tuple[Any, ...]:
    """Return the values of the columns of `FACTS`."""
    return tuple(as_stored(name, getattr(facts, name)) for name in FACTS)


def insert_images(db: Connection, model_id: int, images: Sequence[ImageRecord]) -> None:
    """Insert contents with their vectors, within the caller's transaction."""
    if not images:
        return
    db.many(
        f"INSERT INTO images (sha256, {_ORDER}) VALUES (?{', ?' * len(FACTS)})"
        " ON CONFLICT (sha256) DO UPDATE SET own = '', "
        + ", ".join(f"{name} = excluded.{name}" for name in FACTS),
        ((image.sha256, *stored_facts(image.info)) for image in images),
    )
    db.many(
        "INSERT OR IGNORE INTO sketches (image_id, sketch)"
        " SELECT id, ? FROM images WHERE sha256 = ?",
        (
            (image.info.luma_thumbnail, image.sha256)
            for image in images
            if image.info.luma_thumbnail
        ),
    )
    _insert_words(db, images)
    rows = [
        (image.sha256, view, embedding)
        for image in images
        for view, embedding in ((WHOLE, image.embedding), *image.parts.items())
    ]
    blobs = to_blobs(np.stack([embedding for *_, embedding in rows]))
    db.many(
        "INSERT OR IGNORE INTO vectors (image_id, model_id, view, embedding)"
        " SELECT id, ?, ?, ? FROM images WHERE sha256 = ?",
        (
            (model_id, view, blob, sha256)
            for (sha256, view, _), blob in zip(rows, blobs, strict=True)
        ),
    )


def _insert_words(db: Connection, images: Sequence[ImageRecord]) -> None:
    texts = Texts(db)
    for image in images:
        if image.info.words:
            image_id = db.one("SELECT id FROM images WHERE sha256 = ?", (image.sha256,))
            texts.put(image_id, {EMBEDDED: image.info.words})
