"""What a vector server gets of a library, and which server the library uses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.connection import Connection
from retrieval.catalogue.database_file import open_raw
from retrieval.catalogue.filters import Filters, column_of
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.typed import fits
from retrieval.catalogue.vectors import GREATEST_ID, Vectors
from retrieval.errors import LibraryError
from retrieval.query.fields import FIELDS, Field
from retrieval.vectors import sound_rows

_PAGE = 4096
_SOUND = sound("vectors", "v")
_CHOICE, _LEFT = "store", "left_stores"
_NEWEST_STAMPS = 256

PAYLOAD_FIELDS: tuple[Field, ...] = tuple(
    each
    for each in FIELDS.values()
    if each.kind not in ("words", "place", "flag") and each.name != "folder"
)
"""The fields with a value of their own in `Payload.values`, in their order.

Labels, texts, albums and favourites change without a new generation. The folder is a part of the
path.
"""


@dataclass(frozen=True, slots=True)
class Payload:
    """What filters can ask of one vector's picture; `values` are in the order of `PAYLOAD_FIELDS`.

    Texts may be bytes, as they are on disk. `files` is the number of files with this content; the
    values of files are those of one of them.
    """

    files: int
    latitude: float | None
    longitude: float | None
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """The vector server of a library: its address without secrets, and whose data it holds.

    `library` is a random name under which the server keeps the data. `folder` is where the library
    was at that time: a copy of it elsewhere must not write to the same place.
    """

    address: str
    library: str
    folder: str


class ServedVectors(Vectors):
    """One model's vectors of one view, with all that a vector server needs to know of them."""

    def __init__(self, db: Connection, filters: Filters, model_id: int, dim: int, view: str):
        """Read a catalogue; `filters` has registered the SQL functions that compute fields."""
        super().__init__(db, model_id, dim, view)
        self._filters = filters

    def live_ids(self) -> NDArray[np.int64]:
        """Return the rising ids of all live vectors, the damaged ones among them."""
        rows = self._db.rows(
            "SELECT v.id FROM vectors v JOIN images i ON i.id = v.image_id"
            f" WHERE {self._of_view} AND v.id BETWEEN 1 AND {GREATEST_ID}"
            " AND i.orphaned_at IS NULL ORDER BY v.id",
            (self._model_id,),
        ).fetchall()
        return np.array([id_ for (id_,) in rows], np.int64)

    def some(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return those of some ids that are live and sound, and their (n, dim) vectors.

        They rise, in whatever order the ids come.
        """
        rows = self._db.rows(
            f"SELECT v.id, v.embedding, {_SOUND}"
            " FROM json_each(?) j CROSS JOIN vectors v ON v.id = j.value"
            f" JOIN images i ON i.id = v.image_id WHERE {self._of_view}"
            f" AND v.id BETWEEN 1 AND {GREATEST_ID} AND i.orphaned_at IS NULL ORDER BY v.id",
            (json.dumps(ids.tolist()), self._model_id),
        ).fetchall()
        found = np.array([id_ for id_, *_ in rows], np.int64)
        vectors, good = sound_rows([blob for _, blob, _ in rows], self._dim)
        good &= np.array([checked for *_, checked in rows], np.bool_)
        return found[good], vectors[good]

    def impossible(self) -> list[int]:
        """Return the ids of vectors that are damaged whatever they hold: see `after`."""
        rows = self._db.rows(
            f"SELECT v.id FROM vectors v WHERE {self._of_view}"
            f" AND (v.id < 1 OR v.id > {GREATEST_ID}"
            " OR NOT EXISTS (SELECT 1 FROM images i WHERE i.id = v.image_id))",
            (self._model_id,),
        )
        return [id_ for (id_,) in rows]

    def is_past_of(self, generation: int, stamp: str, stamps: dict[int, str]) -> bool:
        """Tell whether the catalogue is now at a later generation than this reader sees.

        `stamps` are those up to a `generation` with a `stamp`, which the catalogue must have by
        now: a backup that was restored has an equal past, but not that present.
        """
        snapshot = self.snapshot()
        if generation <= snapshot.generation or stamps.get(snapshot.generation) != snapshot.stamp:
            return False
        with closing(open_raw(self._db.path)) as now:
            row = now.execute("SELECT stamp FROM stamps WHERE generation = ?", (generation,))
            return bool(row.fetchone() == (stamp,))

    def payloads(self) -> Iterator[tuple[NDArray[np.int64], list[Payload]]]:
        """Yield pages of (n,) rising ids of live vectors and their payloads."""
        columns = ", ".join(column_of(each) for each in PAYLOAD_FIELDS)
        last_id = 0
        while True:
            rows = self._db.rows(
                "SELECT v.id, (SELECT count(*) FROM files n WHERE n.image_id = i.id),"
                f" i.latitude, i.longitude, {columns}"
                " FROM vectors v CROSS JOIN images i ON i.id = v.image_id"
                " LEFT JOIN files f"
                " ON f.id = (SELECT n.id FROM files n WHERE n.image_id = i.id LIMIT 1)"
                " LEFT JOIN roots r ON r.id = f.root_id"
                f" WHERE v.id > ? AND v.id <= {GREATEST_ID} AND {self._of_view}"
                " AND i.orphaned_at IS NULL ORDER BY v.id LIMIT ?",
                (last_id, self._model_id, _PAGE),
            ).fetchall()
            if not rows:
                return
            ids = np.array([row[0] for row in rows], np.int64)
            yield ids, [Payload(row[1], row[2], row[3], tuple(row[4:])) for row in rows]
            last_id = int(ids[-1])

    def stamps(self) -> dict[int, str]:
        """Return the stamps of the newest generations."""
        rows = self._db.rows(
            "SELECT generation, stamp FROM stamps ORDER BY generation DESC LIMIT ?",
            (_NEWEST_STAMPS,),
        )
        return {int(generation): str(stamp) for generation, stamp in rows}


class ServedRows:
    """The library's choice of a vector server, and what that server gets."""

    def __init__(self, db: Connection, filters: Filters) -> None:
        self._db = db
        self._filters = filters

    def choice(self) -> StoreChoice | None:
        """Return the vector server that the library uses; None if it uses its own files."""
        found = self._choices(_CHOICE)
        return found[0] if found else None

    def left(self) -> list[StoreChoice]:
        """Return the servers that the library used, and that still have its vectors."""
        return self._choices(_LEFT)

    def choose(self, choice: StoreChoice | None) -> None:
        """Record the choice, within the caller's transaction; None is the library's own files.

        The server that was used before is among those that it `left`, unless a fault has damaged
        the record of it.
        """
        left = [*self._readable(_LEFT), *self._readable(_CHOICE)]
        self._keep(_CHOICE, [] if choice is None else [choice])
        self._keep(_LEFT, [each for each in dict.fromkeys(left) if each != choice])

    def forget(self, choice: StoreChoice) -> None:
        """Record that a server has no vectors of the library, within the caller's transaction."""
        for key in (_CHOICE, _LEFT):
            self._keep(key, [each for each in self._readable(key) if each != choice])

    def _readable(self, key: str) -> list[StoreChoice]:
        try:
            return self._choices(key)
        except LibraryError:
            return []

    def _choices(self, key: str) -> list[StoreChoice]:
        found = self._db.rows(
            f"SELECT s.value, {sound('state', 's')} FROM state s WHERE s.key = ?", (key,)
        ).fetchone()
        if found is None:
            return []
        value, good = found
        try:
            known = [
                (each["address"], each["library"], each["folder"]) for each in json.loads(value)
            ]
        except (TypeError, ValueError, KeyError):
            known = []
        if not good or not known or any(fits(StoreChoice, row) for row in known):
            raise self._db.damaged("the record of its vector server")
        return [StoreChoice(*row) for row in known]

    def _keep(self, key: str, choices: list[StoreChoice]) -> None:
        if not choices:
            self._db.rows("DELETE FROM state WHERE key = ?", (key,))
            return
        value = json.dumps([asdict(each) for each in choices])  # ASCII: a folder may be any bytes
        self._db.rows("INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)", (key, value))

    def model(self, fingerprint: str) -> tuple[int, int] | None:
        """Return the id and the dimension of the model with a fingerprint, None without it."""
        sql = "SELECT id, dim FROM models WHERE fingerprint = ?"
        row = self._db.rows(sql, (fingerprint,)).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def vectors(self, model_id: int, dim: int, view: str) -> ServedVectors:
        """Return one model's vectors of one view."""
        return ServedVectors(self._db, self._filters, model_id, dim, view)
