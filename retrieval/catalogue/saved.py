"""Saved searches: see `retrieval.tagging.saved`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.connection import Connection
from retrieval.catalogue.row_checks import sound
from retrieval.query.names import name_key

_STORED = np.dtype("<i8")


@dataclass(frozen=True, slots=True)
class SavedRow:
    """A saved search; `question` is the JSON of `retrieval.query.saved`.

    `looked` is when a person last looked, in UTC ("" never). `seen` are the ids of the images that
    it found then, and `newest` the highest id that there was, with the model of `fingerprint`.
    """

    id: int
    name: str
    question: str
    looked: str
    fingerprint: str
    newest: int
    seen: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Stored:
    id: int
    name: str
    question: str
    looked: str
    fingerprint: str
    newest: int
    seen: bytes


EXAMPLES = (
    "SELECT json_extract(p.value, '$.sha256') FROM saved_searches s,"
    " json_each(CASE WHEN json_valid(s.question) THEN s.question ELSE '{}' END, '$.pictures') p"
)
"""The contents, in hexadecimal, of the example pictures of all saved searches."""


class SavedRows:
    """The table of saved searches."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def all(self) -> list[SavedRow]:
        """Return the saved searches by name."""
        return self._rows("ORDER BY key")

    def named(self, name: str) -> SavedRow | None:
        """Return the saved search of that name, whatever its case, or None."""
        return next(iter(self._rows("WHERE key = ?", (name_key(name),))), None)

    def put(self, name: str, question: str) -> None:
        """Store a search that nobody has looked at, in place of one of that name.

        Within the caller's transaction. The pictures that are there are not new.
        """
        self._db.rows(
            "INSERT INTO saved_searches (name, key, question, looked, fingerprint, newest, seen)"
            " VALUES (?, ?, ?, '', '', ?, x'') ON CONFLICT (key) DO UPDATE SET name ="
            " excluded.name, question = excluded.question, looked = '', fingerprint = '',"
            " newest = excluded.newest, seen = x''",
            (name, name_key(name), question, self.newest_image()),
        )

    def look(self, row: SavedRow) -> None:
        """Store `looked`, `fingerprint`, `newest` and `seen`, in the caller's transaction.

        Nothing happens if the search has another question by now.
        """
        seen = np.sort(row.seen).astype(_STORED).tobytes()
        self._db.rows(
            "UPDATE saved_searches SET looked = ?, fingerprint = ?, newest = ?, seen = ?"
            " WHERE id = ? AND question = ?",
            (row.looked, row.fingerprint, row.newest, seen, row.id, row.question),
        )

    def rename(self, id_: int, name: str) -> None:
        """Give a saved search another name, which no other has."""
        self._db.rows(
            "UPDATE saved_searches SET name = ?, key = ? WHERE id = ?", (name, name_key(name), id_)
        )

    def delete(self, id_: int) -> None:
        """Delete a saved search."""
        self._db.rows("DELETE FROM saved_searches WHERE id = ?", (id_,))

    def newest_image(self) -> int:
        """Return the highest id of an image that there ever was; later images get higher ones."""
        return self._db.number(
            "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'images'), 0)"
        )

    def _rows(self, which: str, values: Iterable[str] = ()) -> list[SavedRow]:
        sql = (
            "SELECT id, name, question, looked, fingerprint, newest, seen,"
            f" {sound('saved_searches')} FROM saved_searches {which}"
        )
        rows = self._db.intact_records(_Stored, "a saved search", sql, values)
        return [self._row(each) for each in rows]

    def _row(self, row: _Stored) -> SavedRow:
        if len(row.seen) % _STORED.itemsize:
            raise self._db.damaged(f"what was seen of the saved search {row.name} is cut short")
        seen = np.frombuffer(row.seen, _STORED).astype(np.int64)
        return SavedRow(
            row.id, row.name, row.question, row.looked, row.fingerprint, row.newest, seen
        )
