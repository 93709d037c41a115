"""Paths as the catalogue spells them: see `retrieval.query.spelling`."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from functools import cached_property

from retrieval.catalogue.connection import Connection
from retrieval.catalogue.roots import Root, Roots, image_at, relative, root_of
from retrieval.query.spelling import DiskSpelling, as_read


class Spellings:
    """The spellings of absolute paths, for one operation on the paths that a person wrote."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._disk = DiskSpelling()

    def of(self, path: str) -> Iterator[str]:
        """Yield an absolute path, then its other spellings on disk and in the catalogue, if any."""
        yield path
        if path.isascii():
            return
        read = as_read(path)
        others = (self._disk.of(path), read, self._stored.get(read, path))
        yield from (other for other in dict.fromkeys(others) if other != path)

    def image_at(self, path: str) -> int | None:
        """Return the id of the image of the file at an absolute path, however that is spelled."""
        for each in self.of(path):
            root = root_of(self._roots, each)
            found = None if root is None else image_at(self._db, root.id, relative(root, each))
            if found is not None:
                return found
        return None

    @cached_property
    def _roots(self) -> list[Root]:
        return Roots(self._db).all()

    @cached_property
    def _stored(self) -> dict[str, str]:
        """The catalogue's paths that are not in NFC, with the folders above, by how they read."""
        found: dict[str, str] = {}
        rows = self._db.rows(
            "SELECT r.path, '' FROM roots r UNION ALL"
            " SELECT r.path, f.path FROM files f JOIN roots r ON r.id = f.root_id"
        )
        for root, below in rows:
            path = os.path.join(root, *below.split("/")) if below else root
            while not unicodedata.is_normalized("NFC", path) and as_read(path) not in found:
                found[as_read(path)] = path
                path = os.path.dirname(path)
        return found
