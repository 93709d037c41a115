"""Rows that only a person can make, as captions, concepts, albums and saved searches.

They are read and written with the SHA-256 and a path of each picture, so they fit another index of
the same pictures.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.catalogue.connection import Connection, text
from retrieval.catalogue.roots import Root
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.texts import CAPTION

_SAMPLES = 20
"""This many pictures of a folder tell which folder it is in another index."""


@dataclass(frozen=True, slots=True)
class PictureKey:
    """What identifies a picture: its SHA-256 in hexadecimal, and the path of one of its files."""

    sha256: str
    path: str


@dataclass(frozen=True, slots=True)
class ModelKey:
    """A model by its id in this library, its fingerprint, and the length of its vectors."""

    id: int
    fingerprint: str
    dim: int


class EditRows:
    """Reads what a person made, and finds the pictures and folders of another library."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def key(self, image_id: int) -> PictureKey | None:
        """Return what identifies an image, "" as path if no file has it; None for no image."""
        row = self._db.rows(
            f"SELECT i.sha256, r.path, f.path, {sound('images', 'i')} FROM images i"
            " LEFT JOIN files f ON f.image_id = i.id"
            " LEFT JOIN roots r ON r.id = f.root_id WHERE i.id = ?"
            " ORDER BY r.missing, r.path, f.path LIMIT 1",
            (image_id,),
        ).fetchone()
        if row is None:
            return None
        sha256, root, path, good = row
        if not good:
            raise self._db.altered("the row of a picture", (path,))
        return PictureKey(sha256.hex(), "" if root is None else os.path.join(root, path))

    def captions(self) -> Iterator[tuple[int, str]]:
        """Yield image id and captions, one on each line."""
        rows = self._db.intact(
            "a caption",
            f"SELECT image_id, text, {sound('texts')} FROM texts WHERE source = ?"
            " ORDER BY image_id",
            (CAPTION,),
        )
        for image_id, caption in rows:
            yield int(image_id), self._db.a_text(caption)

    def models(self) -> list[ModelKey]:
        """Return the models that the library has vectors of."""
        return list(self._db.records(ModelKey, "SELECT id, fingerprint, dim FROM models"))

    def image(self, sha256: bytes) -> int | None:
        """Return the id of the image with that content, also if no file has it now."""
        found = self._db.one("SELECT id FROM images WHERE sha256 = ?", (sha256,))
        return None if found is None else int(found)

    def samples(self, root: Root) -> list[PictureKey]:
        """Return some pictures of a root, with paths relative to it."""
        rows = self._db.rows(
            "SELECT i.sha256, f.path FROM files f JOIN images i ON i.id = f.image_id"
            " WHERE f.root_id = ? ORDER BY f.id LIMIT ?",
            (root.id, _SAMPLES),
        )
        return [PictureKey(sha256.hex(), path) for sha256, path in rows]

    def root_of_samples(self, samples: Sequence[tuple[bytes, str]]) -> str | None:
        """Return the path of the root that has most of the (sha256, relative path) samples."""
        votes: dict[str, int] = {}
        for sha256, path in samples:
            rows = self._db.rows(
                "SELECT r.path FROM files f JOIN images i ON i.id = f.image_id"
                " JOIN roots r ON r.id = f.root_id"
                " WHERE i.sha256 = ? AND f.path = CAST(? AS TEXT)",
                (sha256, text(path)),
            )
            for (root,) in rows:
                votes[root] = votes.get(root, 0) + 1
        return max(votes, key=lambda root: (votes[root], root), default=None)
