"""All pictures in an order, and the little that a gallery shows of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.connection import Connection
from retrieval.catalogue.filters import Filters
from retrieval.catalogue.row_checks import sound
from retrieval.images.luma_thumbnail import SIDE
from retrieval.query.options import Sort
from retrieval.query.where import Condition
from retrieval.query.where.conditions import is_of_files

_ORDERED = {
    "id": "i.id",
    "width": "i.width",
    "height": "i.height",
    "day": "substr(i.date, 1, 10)",
}
_IDS = "(SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Ordered:
    """Pictures in an order: ids (n,) int64, widths and heights (n,) int64 in pixels, and days.

    A day is the beginning of the date ("2023-05-17").
    """

    ids: NDArray[np.int64]
    widths: NDArray[np.int64]
    heights: NDArray[np.int64]
    days: list[str]


@dataclass(frozen=True, slots=True)
class Position:
    """How many pictures were taken near a point, in degrees, and the newest of them."""

    latitude: float
    longitude: float
    images: int
    image_id: int


@dataclass(frozen=True, slots=True)
class ContentRow:
    """The SHA-256 of a picture's bytes, its date, and the length of a video in seconds."""

    id: int
    sha256: bytes
    date: str
    duration: float | None


@dataclass(frozen=True, slots=True)
class _File:
    image_id: int
    path: str


class TimelineRows:
    """Reads many pictures at once, and little of each."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._filters = Filters(db)

    def ordered(self, condition: Condition | None, model_id: int, sort: Sort | None) -> Ordered:
        """Return the pictures of the model that match a condition, or all, in order."""
        order = f" ORDER BY {self._filters.order(condition, sort)}, v.id"
        lists = self._filters.lists(_ORDERED, condition, model_id, order)
        if condition is not None and is_of_files(condition):  # a picture may come more than once
            _, first = np.unique(lists[0], return_index=True)
            places = np.sort(first).tolist()
            lists = [[each[place] for place in places] for each in lists]
        ids, widths, heights, days = lists
        if not {*map(type, widths), *map(type, heights)} <= {int}:
            raise self._db.damaged("a picture has no width or height")
        if not {*map(type, days)} <= {str}:
            raise self._db.damaged("a picture has no date")
        return Ordered(
            np.array(ids, np.int64), np.array(widths, np.int64), np.array(heights, np.int64), days
        )

    def names(self, image_ids: Sequence[int]) -> dict[int, str]:
        """Return the first file of pictures, as a path below its root, by image id."""
        rows = self._db.intact_records(
            _File,
            "what the catalogue knows of a file",
            f"SELECT f.image_id, f.path, {sound('files', 'f')} AND {sound('roots', 'r')}"
            " FROM files f JOIN roots r ON r.id = f.root_id"
            f" WHERE f.image_id IN {_IDS} ORDER BY r.missing DESC, r.path DESC, f.path DESC",
            _ids(image_ids),
        )
        return {row.image_id: row.path for row in rows}

    def contents(self, image_ids: Sequence[int]) -> dict[int, ContentRow]:
        """Return the SHA-256, the date and the length of pictures and videos by image id."""
        rows = self._db.intact_records(
            ContentRow,
            "what the catalogue knows of a picture",
            f"SELECT id, sha256, date, duration, {sound('images')} FROM images WHERE id IN {_IDS}",
            _ids(image_ids),
        )
        return {row.id: row for row in rows}

    def favourites(self, image_ids: Sequence[int]) -> set[int]:
        """Return which of the pictures are favourites."""
        self._db.require_sound("favourites")
        rows = self._db.rows(
            "SELECT i.id FROM images i JOIN favourites m ON m.sha256 = i.sha256"
            f" WHERE i.id IN {_IDS}",
            _ids(image_ids),
        )
        return {id_ for (id_,) in rows}

    def luma_thumbnails(self, image_ids: Sequence[int]) -> dict[int, bytes]:
        """Return the luma thumbnails of pictures that have one, by image id."""
        rows = self._db.rows(
            "SELECT image_id, sketch FROM sketches"
            f" WHERE image_id IN {_IDS} AND {sound('sketches')}",
            _ids(image_ids),
        )
        return {
            id_: sketch
            for id_, sketch in rows
            if isinstance(sketch, bytes) and len(sketch) == SIDE * SIDE
        }

    def positions(self, steps: int) -> list[Position]:
        """Return where pictures were taken, added up in squares of 1 / `steps` degrees."""
        self._db.require_sound("images")
        return list(
            self._db.records(
                Position,
                "SELECT avg(latitude), avg(longitude), count(*), max(id) FROM images"
                " WHERE latitude IS NOT NULL AND orphaned_at IS NULL"
                " GROUP BY CAST(latitude * ?1 AS INTEGER), CAST(longitude * ?1 AS INTEGER)",
                (steps,),
            )
        )


def _ids(image_ids: Sequence[int]) -> tuple[str]:
    """Return image ids as the value of `_IDS`."""
    return (json.dumps(list(image_ids)),)
