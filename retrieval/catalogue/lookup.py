"""Reads for searches and reports: images by vector, content or id; counts; problems."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from retrieval.catalogue.connection import GREATEST_NUMBER, Connection, text, within
from retrieval.catalogue.explaining import MEND
from retrieval.catalogue.name_filters import WRITTEN
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.typed import misfits
from retrieval.images.gazetteer.names import code_of, country_name
from retrieval.images.places import joined
from retrieval.query.fields import FACTS, PictureFacts, from_stored
from retrieval.vectors import sound_vector

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow(PictureFacts):
    """An image in the catalogue.

    `paths` are the sorted absolute paths of the files with this content, at least one. Files in
    missing roots come last; if some exist, the first one does.
    """

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """A file that cannot be used, with the reason for its owner (`images.reasons`)."""

    path: str
    reason: str
    kind: str


@dataclass(frozen=True, slots=True)
class Counts:
    """The size of a library, or of a folder of it.

    `files` are those with an image; `problems` those that cannot be used, as `problems()` lists
    them, of which `unsupported` are in a format that cannot be read here.
    """

    files: int
    images: int
    problems: int
    unsupported: int

    @property
    def damaged(self) -> int:
        """How many files in a known format cannot be used."""
        return self.problems - self.unsupported


_COUNTS = (
    "count(image_id), count(DISTINCT image_id), count(problem),"
    " count(*) FILTER (WHERE problem_kind = 'unsupported')"
)


@dataclass(frozen=True, slots=True)
class _File:
    root: str
    path: str
    size: int
    mtime_ns: int


_FACTS = (*FACTS, "date", "date_source")
_SOUND = sound("images", "i")
_SOUND_FILE = f"{sound('files', 'f')} AND {sound('roots', 'r')}"
_A_FILE = "what the catalogue knows of a file"
_FAVOURITE = "EXISTS (SELECT 1 FROM favourites m WHERE m.sha256 = i.sha256)"
_IMAGE_COLUMNS = ", ".join(
    (
        *("i.id", "i.sha256", _FAVOURITE, "coalesce(i.near_country, '')"),
        *(WRITTEN.get(name) or f"i.{name}" for name in _FACTS),
        _SOUND,
    )
)


class Lookup:
    """Read-only queries."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def by_vector(self, vector_ids: Sequence[int]) -> dict[int, ImageRow]:
        """Return the images of vectors, by vector id; ids without a live image are left out.

        A search asks for live ones only, so a warning is logged for those.
        """
        self._db.require_sound("favourites")
        found: dict[int, ImageRow] = {}
        for vector_id in vector_ids:
            row = self._db.rows(
                f"SELECT {_IMAGE_COLUMNS}, {sound('vectors', 'v')} FROM vectors v"
                " JOIN images i ON i.id = v.image_id WHERE v.id = ?",
                (vector_id,),
            ).fetchone()
            image = self._with_files(row[:-1]) if row else None
            if image and not row[-1]:
                raise self._db.altered(f"the vector of {image.paths[0]}")
            if image:
                found[vector_id] = image
        if lost := len(vector_ids) - len(found):
            _log.warning("%d pictures are left out: the catalogue is damaged. %s", lost, MEND)
        return found

    def by_content(self, sha256: bytes) -> ImageRow | None:
        """Return the image with that SHA-256, or None if no file has it."""
        self._db.require_sound("favourites")
        row = self._db.rows(
            f"SELECT {_IMAGE_COLUMNS} FROM images i WHERE i.sha256 = ?", (sha256,)
        ).fetchone()
        return self._with_files(row) if row else None

    def id_of(self, sha256: bytes) -> int | None:
        """Return the id of the image with that SHA-256, or None if there is none."""
        found = self._db.one("SELECT id FROM images WHERE sha256 = ?", (sha256,))
        return None if found is None else int(found)

    def by_id(self, image_id: int) -> ImageRow | None:
        """Return the image with that id, or None if no file has it."""
        if abs(image_id) > GREATEST_NUMBER:
            return None
        self._db.require_sound("favourites")
        row = self._db.rows(
            f"SELECT {_IMAGE_COLUMNS} FROM images i WHERE i.id = ?", (image_id,)
        ).fetchone()
        return self._with_files(row) if row else None

    def images(self, model_id: int, dim: int) -> Iterator[tuple[ImageRow, bytes]]:
        """Yield every live image that has a vector of the model, with the vector's blob.

        Images whose vector is damaged are left out.
        """
        self._db.require_sound("favourites")
        rows = self._db.rows(
            f"SELECT {_IMAGE_COLUMNS}, v.embedding FROM vectors v"
            " JOIN images i ON i.id = v.image_id"
            " WHERE v.model_id = ? AND v.view = 'whole' AND i.orphaned_at IS NULL ORDER BY v.id",
            (model_id,),
        )
        for *columns, blob in rows:
            image = self._with_files(columns)
            if image and sound_vector(blob, dim) is not None:
                yield image, blob

    def problems(self) -> Iterator[ProblemRow]:
        """Yield every file that cannot be used, by path."""
        rows = self._db.intact(
            _A_FILE,
            f"SELECT r.path, f.path, f.problem, f.problem_kind, {_SOUND_FILE} FROM files f"
            " JOIN roots r ON r.id = f.root_id WHERE f.problem IS NOT NULL"
            " ORDER BY r.path, f.path",
        )
        for root, *row in rows:
            found = self._db.record(ProblemRow, row)
            yield replace(found, path=joined(self._db.a_path(root), found.path))

    def counts(self) -> Counts:
        """Count files, images and problems."""
        return Counts(*self._db.rows(f"SELECT {_COUNTS} FROM files").fetchone())

    def counts_by_root(self) -> dict[int, Counts]:
        """Count files, images and problems of each root that has some, by its id."""
        rows = self._db.rows(f"SELECT root_id, {_COUNTS} FROM files GROUP BY root_id")
        return {root_id: Counts(*counts) for root_id, *counts in rows}

    def count_lacking(self, model_id: int, other_id: int) -> int:
        """Count the live images that have a vector of the other model but none of this one."""
        count = self._db.one(
            "SELECT count(*) FROM vectors o JOIN images i ON i.id = o.image_id"
            " WHERE o.model_id = ? AND o.view = 'whole' AND i.orphaned_at IS NULL AND NOT EXISTS"
            " (SELECT 1 FROM vectors v"
            " WHERE v.image_id = o.image_id AND v.model_id = ? AND v.view = o.view)",
            (other_id, model_id),
        )
        return int(count)

    def files_in(self, root_id: int, below: str = "") -> Iterator[str]:
        """Yield the relative paths of a root's files at or below a path, problems included."""
        condition, values = within(below)
        rows = self._db.intact(
            _A_FILE,
            f"SELECT f.path, {sound('files', 'f')} FROM files f"
            f" WHERE f.root_id = ? AND {condition} ORDER BY f.path",
            (root_id, *values),
        )
        for (path,) in rows:
            yield self._db.a_path(path)

    def beside(self, root_id: int, base: str) -> list[str]:
        """Return the paths of a root's files named `base`, with or without an extension."""
        raw = text(base)
        rows = self._db.rows(
            "SELECT f.path FROM files f WHERE f.root_id = ? AND (f.path = CAST(? AS TEXT)"
            " OR (f.path > CAST(? AS TEXT) AND f.path < CAST(? AS TEXT)))",
            (root_id, raw, raw + b".", raw + b"/"),
        )
        # The range also contains "base.d/picture.jpg".
        paths = [self._db.a_path(path) for (path,) in rows]
        return [path for path in paths if path.count("/") == base.count("/")]

    def _with_files(self, columns: Sequence[Any]) -> ImageRow | None:
        image_id, sha256, favourite, near, *facts, sound_image = columns
        files = list(
            self._db.intact_records(
                _File,
                _A_FILE,
                f"SELECT r.path, f.path, f.size, f.mtime_ns, {_SOUND_FILE} FROM files f"
                " JOIN roots r ON r.id = f.root_id WHERE f.image_id = ?"
                " ORDER BY r.missing, r.path, f.path",
                (image_id,),
            )
        )
        if not files:
            return None
        if len(files) > 1:
            _put_existing_first(files)
        paths = tuple(joined(file.root, file.path) for file in files)
        wrong = misfits(ImageRow, _FACTS, facts)
        if not sound_image and not wrong:
            raise self._db.altered(f"the row of {paths[0]}")
        if wrong or not isinstance(sha256, bytes) or len(sha256) != 32:
            raise self._db.damaged(
                f"the facts about {paths[0]} cannot be right ({', '.join(wrong) or 'sha256'})"
            )
        known = {name: from_stored(name, value) for name, value in zip(_FACTS, facts, strict=True)}
        written = known["country"]
        known["country"] = written or country_name(near)
        return ImageRow(
            id=image_id,
            sha256=sha256.hex(),
            paths=paths,
            size=files[0].size,
            mtime_ns=files[0].mtime_ns,
            favourite=bool(favourite),
            country_code=(code_of(written) if written else "") or near,
            **known,
        )


def _put_existing_first(files: list[_File]) -> None:
    """Sort files of missing roots to the end, then move an existing one forward.

    A folder may have been renamed since its root was last indexed.
    """
    there = {root: os.path.isdir(root) for root in {file.root for file in files}}
    files.sort(key=lambda file: not there[file.root])
    for at, file in enumerate(files):
        if not there[file.root]:
            return
        if os.path.exists(joined(file.root, file.path)):
            files.insert(0, files.pop(at))
            return
