"""Stored score baselines, one row per model: see `scoring.confidence`."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from retrieval.catalogue.connection import Connection
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.typed import fits
from retrieval.scoring.confidence import ScoreBaseline, ScoreBaselines


@dataclass(frozen=True, slots=True)
class _Stored:
    text_middle: float
    text_spread: float
    picture_middle: float
    picture_spread: float
    pictures: int


class BaselineRows:
    """The table of score baselines."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def of(self, model_id: int) -> tuple[ScoreBaselines, int] | None:
        """Return a model's baselines and how many pictures they were measured with.

        None if there are none, or if they cannot be right: the next indexing run measures them.
        """
        row = self._db.rows(
            "SELECT text_middle, text_spread, picture_middle, picture_spread, pictures"
            f" FROM nulls WHERE model_id = ? AND {sound('nulls')}",
            (model_id,),
        ).fetchone()
        if row is None or fits(_Stored, row) or not _is_likely(*row):
            return None
        return ScoreBaselines(ScoreBaseline(*row[:2]), ScoreBaseline(*row[2:4])), row[4]

    def put(self, model_id: int, baselines: ScoreBaselines, pictures: int) -> None:
        """Store baselines, within the caller's transaction."""
        self._db.rows(
            "INSERT OR REPLACE INTO nulls (model_id, pictures, text_middle, text_spread,"
            " picture_middle, picture_spread) VALUES (?, ?, ?, ?, ?, ?)",
            (model_id, pictures, *astuple(baselines.text), *astuple(baselines.picture)),
        )

    def forget(self, model_id: int) -> None:
        """Delete a model's baselines, within the caller's transaction."""
        self._db.rows("DELETE FROM nulls WHERE model_id = ?", (model_id,))


def _is_likely(*row: float) -> bool:
    """Tell whether middles are cosines, spreads are positive, and pictures were counted."""
    middles, spreads, pictures = row[0:4:2], row[1:4:2], row[4]
    return (
        all(abs(middle) <= 1 for middle in middles)
        and all(0 < spread <= 1 for spread in spreads)
        and pictures > 0
    )
