"""The library without a question: all pictures in order, what is seen of each, and places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.timeline import Ordered, Position
from retrieval.context import Context
from retrieval.images.luma_thumbnail import SIDE
from retrieval.images.placeholder import grey_placeholders
from retrieval.query.options import SearchOptions
from retrieval.query.where.matching import KM_A_DEGREE

PLACE_KM = 25
"""The radius of a place."""

_MOST_PLACES = 200
_SQUARES = 50  # to a degree


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A picture as a gallery knows it.

    `name` is that of its first file, `date` local time in ISO 8601, `sha256` that of its bytes.
    `duration` is the length of a video in seconds.
    `grey` is its placeholder without colour, b"" if there is none. `favourite` is whether a person
    marked it.
    """

    id: int
    name: str
    date: str
    sha256: bytes
    grey: bytes
    favourite: bool
    duration: float | None = None


class Timeline:
    """Lists the pictures of a library; `Library.timeline` has it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rows = context.catalogue.timeline

    def version(self) -> tuple[int, str]:
        """Return what changes when the library may have changed."""
        return self._context.catalogue.version(), self._context.model.row.spec.fingerprint

    def ordered(self, where: str | None = None, sort: str | None = "date-desc") -> Ordered:
        """Return all pictures that match a filter, in order, newest first unless `sort` is set.

        With None, they are in the order of the album that the filter names, if it names one.
        Raises QueryError for a filter or an order that is wrong.
        """
        options = SearchOptions(k=1, where=where or None, sort=sort)  # type: ignore[arg-type]
        with self._context.catalogue.reading():
            model_id = self._context.model.row.id
            return self._rows.ordered(options.condition, model_id, options.sort)

    def glimpses(self, image_ids: Sequence[int]) -> dict[int, Glimpse]:
        """Return what is seen of pictures, by id; those that have left are left out."""
        with self._context.catalogue.reading():
            names, contents = self._rows.names(image_ids), self._rows.contents(image_ids)
            greys = self.greys(image_ids)
            favourites = self._rows.favourites(image_ids)
        found = {}
        for id_, row in contents.items():
            if id_ in names:
                name = names[id_].rpartition("/")[2]
                grey, marked = greys.get(id_, b""), id_ in favourites
                found[id_] = Glimpse(id_, name, row.date, row.sha256, grey, marked, row.duration)
        return found

    def greys(self, image_ids: Sequence[int]) -> dict[int, bytes]:
        """Return placeholders without colour of the pictures that have one, by id."""
        sketches = self._rows.luma_thumbnails(image_ids)
        pixels = np.frombuffer(b"".join(sketches.values()), np.uint8).reshape(-1, SIDE, SIDE)
        return dict(zip(sketches, grey_placeholders(pixels), strict=True)) if sketches else {}

    def places(self) -> list[Position]:
        """Return places where pictures were taken, the busiest first.

        A place is all that is less than `PLACE_KM` from its middle, where most pictures are.
        """
        left = sorted(self._rows.positions(_SQUARES), key=lambda each: -each.images)
        points = np.array([(each.latitude, each.longitude) for each in left]).reshape(-1, 2)
        counts = np.array([each.images for each in left], np.int64)
        free = np.ones(len(left), np.bool_)
        found: list[Position] = []
        for at, middle in enumerate(left):
            if not free[at]:
                continue
            near = _distances_km(points, middle) <= PLACE_KM
            free &= ~near
            images = int(counts[near].sum())
            found.append(Position(middle.latitude, middle.longitude, images, middle.image_id))
            if len(found) == _MOST_PLACES:
                break
        return sorted(found, key=lambda each: -each.images)


def _distances_km(points: NDArray[np.float64], middle: Position) -> NDArray[np.float64]:
    """Return the distances of points (n, 2) in degrees from a position, on a sphere."""
    north, east = np.radians(points.T)
    lat, lon = np.radians((middle.latitude, middle.longitude))
    half = np.sin((north - lat) / 2) ** 2
    half += np.cos(north) * np.cos(lat) * np.sin((east - lon) / 2) ** 2
    angle = np.degrees(2 * np.arcsin(np.sqrt(np.clip(half, 0, 1))))
    result: NDArray[np.float64] = angle * KM_A_DEGREE
    return result
