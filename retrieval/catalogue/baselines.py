"""Stored score baselines, one row per model: see `scoring.confidence`."""

from __future__ import annotations

from dataclasses import astuple

from retrieval.catalogue.connection import Connection
from retrieval.scoring.confidence import ScoreBaseline, ScoreBaselines


class BaselineRows:
    """The table of score baselines."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def of(self, model_id: int) -> tuple[ScoreBaselines, int] | None:
        """Return a model's baselines and how many pictures they were measured with, or None."""
        row = self._db.rows(
            "SELECT text_middle, text_spread, picture_middle, picture_spread, pictures"
            " FROM nulls WHERE model_id = ?",
            (model_id,),
        ).fetchone()
        return (
            None
            if row is None
            else (ScoreBaselines(ScoreBaseline(*row[:2]), ScoreBaseline(*row[2:4])), row[4])
        )

    def put(self, model_id: int, baselines: ScoreBaselines, pictures: int) -> None:
        """Store baselines, within the caller's transaction."""
        self._db.rows(
            "INSERT OR REPLACE INTO nulls VALUES (?, ?, ?, ?, ?, ?)",
            (model_id, pictures, *astuple(baselines.text), *astuple(baselines.picture)),
        )

    def forget(self, model_id: int) -> None:
        """Delete a model's baselines, within the caller's transaction."""
        self._db.rows("DELETE FROM nulls WHERE model_id = ?", (model_id,))
