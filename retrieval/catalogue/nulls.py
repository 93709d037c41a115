"""What is remembered of a library's nulls, one row a model: see `retrieval.confidence`."""

from __future__ import annotations

from dataclasses import astuple

from retrieval.catalogue.connection import Connection
from retrieval.confidence import Null, Nulls


class NullRows:
    """The table of nulls."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def of(self, model_id: int) -> tuple[Nulls, int] | None:
        """Return a model's nulls and with how many pictures they were measured, or None."""
        row = self._db.rows(
            "SELECT text_middle, text_spread, picture_middle, picture_spread, pictures"
            " FROM nulls WHERE model_id = ?",
            (model_id,),
        ).fetchone()
        return None if row is None else (Nulls(Null(*row[:2]), Null(*row[2:4])), row[4])

    def put(self, model_id: int, nulls: Nulls, pictures: int) -> None:
        """Remember nulls, within the caller's transaction."""
        self._db.rows(
            "INSERT OR REPLACE INTO nulls VALUES (?, ?, ?, ?, ?, ?)",
            (model_id, pictures, *astuple(nulls.text), *astuple(nulls.picture)),
        )

    def forget(self, model_id: int) -> None:
        """Forget a model's nulls, within the caller's transaction."""
        self._db.rows("DELETE FROM nulls WHERE model_id = ?", (model_id,))
