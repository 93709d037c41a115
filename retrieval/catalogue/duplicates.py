"""Luma thumbnails, the files of each image, and sets of images declared not to be duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from retrieval.catalogue.connection import Connection, text
from retrieval.catalogue.vectors import WHOLE


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file of an image, in a folder that is there: `path` is relative to `root`."""

    image_id: int
    root: str
    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class KnownImage:
    """An image of which some file is there; `vector_id` is None when the model has none of it."""

    id: int
    sha256: bytes
    format: str
    width: int
    height: int
    taken: str
    vector_id: int | None


class DuplicateRows:
    """The tables of luma thumbnails and of kept sets, and the files of images."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def images(self, model_id: int) -> Iterator[KnownImage]:
        """Yield every image with a file on a drive that is there, by id."""
        rows = self._db.rows(
            "SELECT i.id, i.sha256, i.format, i.width, i.height, i.taken, v.id FROM images i"
            " LEFT JOIN vectors v ON v.image_id = i.id AND v.model_id = ? AND v.view = ?"
            " WHERE EXISTS (SELECT 1 FROM files f JOIN roots r ON r.id = f.root_id"
            "  WHERE f.image_id = i.id AND NOT r.missing) ORDER BY i.id",
            (model_id, WHOLE),
        )
        for row in rows:
            yield KnownImage(*row)

    def files(self) -> Iterator[KnownFile]:
        """Yield every file of an image on a drive that is there, by image."""
        rows = self._db.rows(
            "SELECT f.image_id, r.path, f.path, f.size, f.mtime_ns FROM files f"
            " JOIN roots r ON r.id = f.root_id WHERE f.image_id IS NOT NULL AND NOT r.missing"
            " ORDER BY f.image_id, r.path, f.path"
        )
        for row in rows:
            yield KnownFile(*row)

    def luma_thumbnail(self, image_id: int) -> bytes | None:
        """Return an image's luma thumbnail, None when it has none."""
        found: bytes | None = self._db.one(
            "SELECT sketch FROM sketches WHERE image_id = ?", (image_id,)
        )
        return found

    def keep(self, files_by_image: Mapping[int, int]) -> None:
        """Remember a group that is none, within the caller's transaction.

        It has so many files of each image; when there are more of one, they are news. An image that
        went in the meantime is passed over.
        """
        set_id = self._db.one("SELECT coalesce(max(set_id), 0) + 1 FROM kept")
        self._db.many(
            "INSERT INTO kept SELECT ?, id, ? FROM images WHERE id = ?",
            ((set_id, files, image_id) for image_id, files in files_by_image.items()),
        )

    def kept(self) -> list[dict[int, int]]:
        """Return the groups that are none: how many files each of their images had."""
        sets: dict[int, dict[int, int]] = {}
        rows = self._db.rows("SELECT set_id, image_id, files FROM kept ORDER BY set_id, image_id")
        for set_id, image_id, files in rows:
            sets.setdefault(set_id, {})[image_id] = files
        return list(sets.values())

    def forget_file(self, root: str, path: str) -> None:
        """Drop a file that has been moved away; its image stays if another file has it."""
        self._db.rows(
            "DELETE FROM files WHERE path = CAST(? AS TEXT)"
            " AND root_id = (SELECT id FROM roots WHERE path = CAST(? AS TEXT))",
            (text(path), text(root)),
        )
