"""Luma thumbnails, the files of each image, and groups that the user keeps (no duplicates)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from retrieval.catalogue.connection import Connection, text
from retrieval.catalogue.edits import PictureKey
from retrieval.catalogue.generation import next_generation
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.vectors import WHOLE
from retrieval.images.luma_thumbnail import SIDE


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file of an image in an available root; `path` is relative to `root`."""

    image_id: int
    root: str
    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class KnownImage:
    """An image with an available file; `vector_id` is None if the model has no vector of it."""

    id: int
    sha256: bytes
    format: str
    width: int
    height: int
    taken: str
    vector_id: int | None


@dataclass(frozen=True, slots=True)
class _Kept:
    set_id: int
    image_id: int
    files: int


class DuplicateRows:
    """The tables of luma thumbnails, kept groups and files of images."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def images(self, model_id: int) -> Iterator[KnownImage]:
        """Yield every image with a file in an available root, by id."""
        return self._db.intact_records(
            KnownImage,
            "the row of a picture",
            "SELECT i.id, i.sha256, i.format, i.width, i.height, i.taken, v.id,"
            f" {sound('images', 'i')} FROM images i"
            " LEFT JOIN vectors v ON v.image_id = i.id AND v.model_id = ? AND v.view = ?"
            " WHERE EXISTS (SELECT 1 FROM files f JOIN roots r ON r.id = f.root_id"
            "  WHERE f.image_id = i.id AND NOT r.missing) ORDER BY i.id",
            (model_id, WHOLE),
        )

    def files(self) -> Iterator[KnownFile]:
        """Yield every file of an image in an available root, by image id."""
        return self._db.intact_records(
            KnownFile,
            "what the catalogue knows of a file",
            "SELECT f.image_id, r.path, f.path, f.size, f.mtime_ns,"
            f" {sound('files', 'f')} AND {sound('roots', 'r')} FROM files f"
            " JOIN roots r ON r.id = f.root_id WHERE f.image_id IS NOT NULL AND NOT r.missing"
            " ORDER BY f.image_id, r.path, f.path",
        )

    def luma_thumbnail(self, image_id: int) -> bytes | None:
        """Return an image's luma thumbnail; None if there is none, or if it is damaged."""
        found = self._db.one(
            f"SELECT sketch FROM sketches WHERE image_id = ? AND {sound('sketches')}", (image_id,)
        )
        return found if isinstance(found, bytes) and len(found) == SIDE * SIDE else None

    def keep(self, files_by_image: Mapping[int, int]) -> None:
        """Store a group that is not a group of duplicates, within the caller's transaction.

        `files_by_image` maps image ids to numbers of files. When an image has more files later,
        the group is reported again. Images that have been deleted are skipped.
        """
        set_id = self._db.one("SELECT coalesce(max(set_id), 0) + 1 FROM kept")
        self._db.many(
            "INSERT INTO kept (set_id, image_id, files) SELECT ?, id, ? FROM images WHERE id = ?",
            ((set_id, files, image_id) for image_id, files in files_by_image.items()),
        )

    def unkeep(self, files_by_image: Mapping[int, int]) -> None:
        """Forget that a group was kept with these files, within the caller's transaction."""
        sets: dict[int, dict[int, int]] = {}
        for set_id, image_id, files in self._db.rows("SELECT set_id, image_id, files FROM kept"):
            sets.setdefault(set_id, {})[image_id] = files
        same = [(set_id,) for set_id, each in sets.items() if each == files_by_image]
        self._db.many("DELETE FROM kept WHERE set_id = ?", same)

    def kept(self) -> list[dict[int, int]]:
        """Return the kept groups, each as the number of files by image id."""
        sets: dict[int, dict[int, int]] = {}
        sql = f"SELECT set_id, image_id, files, {sound('kept')} FROM kept ORDER BY set_id, image_id"
        for row in self._db.intact_records(_Kept, "a group of kept duplicates", sql):
            sets.setdefault(row.set_id, {})[row.image_id] = row.files
        return list(sets.values())

    def inherit(self, root: str, path: str, kept: PictureKey) -> None:
        """Put a picture into the albums, and among the favourites, where a file's picture is.

        The file is about to be forgotten. Nothing happens if its picture has another file.
        """
        content = self._db.one(
            "SELECT i.sha256 FROM files f JOIN roots r ON r.id = f.root_id"
            " JOIN images i ON i.id = f.image_id"
            " WHERE f.path = CAST(? AS TEXT) AND r.path = CAST(? AS TEXT) AND NOT EXISTS"
            " (SELECT 1 FROM files o WHERE o.image_id = f.image_id AND o.id != f.id)",
            (text(path), text(root)),
        )
        if content is None:
            return
        values = bytes.fromhex(kept.sha256), text(kept.path), content
        self._db.rows(
            "INSERT OR IGNORE INTO album_pictures (album_id, sha256, path, position)"
            " SELECT album_id, ?, CAST(? AS TEXT), position FROM album_pictures WHERE sha256 = ?",
            values,
        )
        self._db.rows(
            "INSERT OR IGNORE INTO favourites (sha256, path)"
            " SELECT ?, CAST(? AS TEXT) FROM favourites WHERE sha256 = ?",
            values,
        )

    def forget_file(self, root: str, path: str) -> None:
        """Delete a file that has been moved away; its image remains if it has another file."""
        next_generation(self._db)
        self._db.rows(
            "DELETE FROM files WHERE path = CAST(? AS TEXT)"
            " AND root_id = (SELECT id FROM roots WHERE path = CAST(? AS TEXT))",
            (text(path), text(root)),
        )
