"""Sidecar files, and the images whose texts must be collected again."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from retrieval.catalogue.connection import Connection, text
from retrieval.catalogue.generation import next_generation
from retrieval.catalogue.roots import Root
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.schema import SET_DATES
from retrieval.catalogue.texts import XMP
from retrieval.images import FoundSidecar, is_json
from retrieval.images.exported_names import other_names
from retrieval.images.places import joined
from retrieval.query.fields import BESIDE, Facts, as_stored, from_stored
from retrieval.query.spelling import spellings

_AT_ONCE = 200
_NUMBER = re.compile(r"\(\d+\)$")
_PAST = b"\xff"  # sorts after every byte of UTF-8
_NAME = "CAST(? AS TEXT)"
_TOLD = ", ".join(BESIDE)


class SidecarTold(NamedTuple):
    """What a sidecar says: its `source` ("sidecar" or "xmp"), its text (may be ""), its facts.

    A `favourite` is one in the program that wrote it.
    """

    source: str
    text: str = ""
    facts: Facts = Facts()
    favourite: bool = False


@dataclass(frozen=True, slots=True)
class SidecarRecord:
    """A sidecar that has been read: see `SidecarTold`. Of its `facts`, those of `BESIDE` count."""

    found: FoundSidecar
    source: str
    text: str
    facts: Facts = field(default_factory=Facts)
    favourite: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """The place of an image's file: the root's absolute path and the path relative to it."""

    root: str
    path: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the sidecar at a relative path says: source, text and facts."""

    path: str
    source: str
    text: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class _Beside:
    path: str
    beside: str
    source: str
    text: str
    taken: str
    latitude: float | None
    longitude: float | None
    location: str
    city: str
    region: str
    country: str
    people: str
    keywords: str
    rating: int | None
    colour_label: str

    def told(self) -> Told:
        facts = {name: from_stored(name, getattr(self, name)) for name in BESIDE}
        return Told(self.path, self.source, self.text, Facts(**facts))


class Sidecars:
    """The tables of sidecars and of images whose texts must be collected again."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def record(self, root: Root, sidecars: Sequence[SidecarRecord]) -> None:
        """Commit sidecars; triggers mark the images beside them for a refresh of their texts.

        Favourites become favourites now: who takes the mark off is not overruled by the next run.
        """
        with self._db.writing():
            for each in sidecars:
                path, found = text(each.found.path), each.found
                # In two steps, because the triggers fire on insert and on delete.
                self._db.rows(
                    "DELETE FROM sidecars WHERE root_id = ? AND path = CAST(? AS TEXT)",
                    (root.id, path),
                )
                described, facts = text(found.beside), each.facts
                self._db.rows(
                    "INSERT INTO sidecars (root_id, path, beside, size, mtime_ns, source, text,"
                    f" {_TOLD}) VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?"
                    f"{', ?' * len(BESIDE)})",
                    (
                        *(root.id, path, described, found.size, found.mtime_ns),
                        *(each.source, each.text),
                        *(as_stored(name, getattr(facts, name)) for name in BESIDE),
                    ),
                )

                if each.favourite:
                    self._mark(root, found.beside)

    def _mark(self, root: Root, described: str) -> None:
        for path in dict.fromkeys((described, *self.exported(root.id, described))):
            self._db.rows(
                "INSERT OR IGNORE INTO favourites (sha256, path)"
                " SELECT i.sha256, CAST(? AS TEXT) FROM files f JOIN images i ON i.id = f.image_id"
                " WHERE f.root_id = ? AND f.path = CAST(? AS TEXT)",
                (text(joined(root.path, path)), root.id, text(path)),
            )

    def to_refresh(self, limit: int) -> list[int]:
        """Return at most `limit` ids of images whose texts must be collected again."""
        rows = self._db.rows("SELECT image_id FROM retell ORDER BY image_id LIMIT ?", (limit,))
        return [image_id for (image_id,) in rows]

    def mark_refreshed(self, image_ids: Iterable[int]) -> None:
        """Mark the texts of images as up to date, within the caller's transaction."""
        self._db.many("DELETE FROM retell WHERE image_id = ?", ((id_,) for id_ in image_ids))

    def exported(self, root_id: int, described: str) -> list[str]:
        """Return the files that JSON about another name describes, too (`other_names`)."""
        begin = _NUMBER.sub("", os.path.splitext(described)[0])  # all of them begin like that
        found = []
        for each in spellings(begin):
            rows = self._db.rows(
                "SELECT f.path FROM files f WHERE f.root_id = ?"
                " AND f.path >= CAST(? AS TEXT) AND f.path < CAST(? AS TEXT)",
                (root_id, text(each), text(each) + _PAST),
            )
            found += [self._db.a_path(path) for (path,) in rows]
        return [path for path in found if described in other_names(path)]

    def beside(self, image_id: int) -> tuple[list[Place], list[Told]]:
        """Return an image's files, and what the sidecars beside them say, the weightiest first."""
        rows = self._db.rows(
            "SELECT f.root_id, r.path, f.path FROM files f JOIN roots r ON r.id = f.root_id"
            " WHERE f.image_id = ? ORDER BY r.path, f.path",
            (image_id,),
        ).fetchall()
        for _, root, path in rows:
            self._db.a_path(root)
            self._db.a_path(path)
        found: list[Told] = []
        for start in range(0, len(rows), _AT_ONCE):  # a picture may have thousands of files
            for root_id, files in groupby(rows[start : start + _AT_ONCE], itemgetter(0)):
                found += self._beside(root_id, [path for *_, path in files])
        # XMP is written by programs for pictures; Google's JSON knows less of them.
        found.sort(key=lambda told: (told.source != XMP, told.path))
        return [Place(root, path) for _, root, path in rows], found

    def _beside(self, root_id: int, paths: list[str]) -> list[Told]:
        plain = {each for path in paths for each in (os.path.splitext(path)[0], path)}
        exported = {name for path in paths for name in other_names(path)}
        names = [text(each) for each in plain | exported]
        # SQLite would take the primary key by itself, and read all sidecars of the root.
        rows = self._db.intact_records(
            _Beside,
            "what a file beside a picture says",
            f"SELECT path, beside, source, text, {_TOLD}, {sound('sidecars')}"
            " FROM sidecars INDEXED BY sidecars_beside"
            f" WHERE root_id = ? AND beside IN ({', '.join([_NAME] * len(names))})",
            (root_id, *names),
        )
        return [row.told() for row in rows if row.beside in plain or is_json(row.path)]

    def complete_facts(self, image_id: int, known: Iterable[Facts]) -> None:
        """Give an image the facts of its sidecars that it lacks, and their names, or take them.

        Within the caller's transaction. `own` remembers what the image says itself of facts that
        came from sidecars.
        """
        row = self._db.rows(
            f"SELECT own, {_TOLD} FROM images WHERE id = ? AND {sound('images')}", (image_id,)
        ).fetchone()
        if row is None:  # it was removed since it was marked, or is damaged and read again
            return
        before, *values = row
        stored = dict(zip(BESIDE, values, strict=True))
        own = stored | (json.loads(before) if before else {})
        facts = Facts(**{name: from_stored(name, value) for name, value in own.items()})
        for each in known:
            facts = facts.completed(each)
        now = {name: as_stored(name, getattr(facts, name)) for name in BESIDE}
        changed = {name: own[name] for name in BESIDE if now[name] != own[name]}
        remembered = json.dumps(changed) if changed else ""
        if (remembered, now) == (before, stored):
            return
        next_generation(self._db)
        self._db.rows(
            f"UPDATE images SET own = ?, {', '.join(f'{name} = ?' for name in BESIDE)}"
            " WHERE id = ?",
            (remembered, *now.values(), image_id),
        )
        self._db.rows(f"{SET_DATES} AND id = ?", (image_id,))
