"""Sidecar files, and the images whose texts must be collected again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from retrieval.catalogue.connection import Connection, text
from retrieval.catalogue.generation import next_generation
from retrieval.catalogue.roots import Root
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.schema import SET_DATES
from retrieval.images import FoundSidecar, beside
from retrieval.query.fields import Facts

_DATE, _PLACE = 1, 2

_AT_ONCE = 200
_NAME = "CAST(? AS TEXT)"


@dataclass(frozen=True, slots=True)
class SidecarRecord:
    """A sidecar that has been read: its `source` ("sidecar" or "xmp") and its text (may be "").

    Of its `facts`, date and place are used.
    """

    found: FoundSidecar
    source: str
    text: str
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True, slots=True)
class Place:
    """The place of an image's file: the root's absolute path and the path relative to it."""

    root: str
    path: str


@dataclass(frozen=True, slots=True)
class _Beside:
    source: str
    text: str
    taken: str
    latitude: float | None
    longitude: float | None


class Sidecars:
    """The tables of sidecars and of images whose texts must be collected again."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def record(self, root: Root, sidecars: Sequence[SidecarRecord]) -> None:
        """Commit sidecars; triggers mark the images beside them for a refresh of their texts."""
        with self._db.writing():
            for each in sidecars:
                path, found = text(each.found.path), each.found
                # In two steps, because the triggers fire on insert and on delete.
                self._db.rows(
                    "DELETE FROM sidecars WHERE root_id = ? AND path = CAST(? AS TEXT)",
                    (root.id, path),
                )
                described, facts = text(beside(each.found.path)), each.facts
                self._db.rows(
                    "INSERT INTO sidecars (root_id, path, beside, size, mtime_ns, source, text,"
                    " taken, latitude, longitude)"
                    " VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(root.id, path, described, found.size, found.mtime_ns),
                        *(each.source, each.text),
                        *(facts.taken, facts.latitude, facts.longitude),
                    ),
                )

    def to_refresh(self, limit: int) -> list[int]:
        """Return at most `limit` ids of images whose texts must be collected again."""
        rows = self._db.rows("SELECT image_id FROM retell ORDER BY image_id LIMIT ?", (limit,))
        return [image_id for (image_id,) in rows]

    def mark_refreshed(self, image_ids: Iterable[int]) -> None:
        """Mark the texts of images as up to date, within the caller's transaction."""
        self._db.many("DELETE FROM retell WHERE image_id = ?", ((id_,) for id_ in image_ids))

    def beside(self, image_id: int) -> tuple[list[Place], list[tuple[str, str, Facts]]]:
        """Return an image's files, and source, text and facts of the sidecars beside them."""
        rows = self._db.rows(
            "SELECT f.root_id, r.path, f.path FROM files f JOIN roots r ON r.id = f.root_id"
            " WHERE f.image_id = ? ORDER BY r.path, f.path",
            (image_id,),
        ).fetchall()
        for _, root, path in rows:
            self._db.a_path(root)
            self._db.a_path(path)
        found: list[tuple[str, str, Facts]] = []
        for start in range(0, len(rows), _AT_ONCE):  # a picture may have thousands of files
            for root_id, files in groupby(rows[start : start + _AT_ONCE], itemgetter(0)):
                paths = [path for *_, path in files]
                names = [text(each) for path in paths for each in (os.path.splitext(path)[0], path)]
                # SQLite would take the primary key by itself, and read all sidecars of the root.
                found += self._beside(
                    f"SELECT source, text, taken, latitude, longitude, {sound('sidecars')}"
                    " FROM sidecars INDEXED BY sidecars_beside"
                    f" WHERE root_id = ? AND beside IN ({', '.join([_NAME] * len(names))})"
                    " ORDER BY path",
                    (root_id, *names),
                )
        return [Place(root, path) for _, root, path in rows], found

    def _beside(self, sql: str, values: Iterable[Any]) -> list[tuple[str, str, Facts]]:
        rows = self._db.intact_records(_Beside, "what a file beside a picture says", sql, values)
        return [
            (
                row.source,
                row.text,
                Facts(taken=row.taken, latitude=row.latitude, longitude=row.longitude),
            )
            for row in rows
        ]

    def complete_facts(self, image_id: int, known: Iterable[Facts]) -> None:
        """Give an image that lacks date or place those of its sidecars, or take them back.

        Within the caller's transaction. `told` remembers what came from sidecars.
        """
        row = self._db.rows(
            "SELECT told, taken, latitude, longitude FROM images WHERE id = ?", (image_id,)
        ).fetchone()
        if row is None:  # it was removed since it was marked
            return
        told, taken, latitude, longitude = row
        facts = Facts(
            taken="" if told & _DATE else taken,
            latitude=None if told & _PLACE else latitude,
            longitude=None if told & _PLACE else longitude,
        )
        own = facts
        for each in known:
            facts = facts.completed(each)
        now = _DATE * (facts.taken != own.taken) | _PLACE * (facts.latitude != own.latitude)
        values = (now, facts.taken, facts.latitude, facts.longitude)
        if values == (told, taken, latitude, longitude):
            return
        next_generation(self._db)
        self._db.rows(
            "UPDATE images SET told = ?, taken = ?, latitude = ?, longitude = ? WHERE id = ?",
            (*values, image_id),
        )
        self._db.rows(f"{SET_DATES} AND id = ?", (image_id,))
