"""Tags of pictures, and the labels that tagging uses: see `retrieval.tagging.labels`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retrieval.catalogue.connection import Connection
from retrieval.catalogue.row_checks import sound


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag in the library: its `source` ("label" or "concept") and its number of pictures."""

    label: str
    source: str
    images: int


@dataclass(frozen=True, slots=True)
class Tag:
    """One picture's tag; `score` is 0 to 1, `source` "label" or "concept"."""

    label: str
    score: float
    source: str


class TagRows:
    """The tables of tags and labels."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def all(self) -> list[Tagged]:
        """Return every tag of a live picture, the most frequent first."""
        rows = self._db.rows(
            "SELECT t.label, t.source, count(*) FROM tags t JOIN images i ON i.id = t.image_id"
            " WHERE i.orphaned_at IS NULL GROUP BY t.label, t.source"
            " ORDER BY count(*) DESC, t.label, t.source"
        )
        return [self._db.record(Tagged, row) for row in rows]

    def of_image(self, image_id: int) -> tuple[Tag, ...]:
        """Return a picture's tags, the highest score first."""
        rows = self._db.intact_records(
            Tag,
            "the tag of a picture",
            f"SELECT label, score, source, {sound('tags')} FROM tags WHERE image_id = ?"
            " ORDER BY score DESC, label",
            (image_id,),
        )
        return tuple(rows)

    def put(self, rows: Iterable[tuple[int, str, float]], source: str, model_id: int) -> None:
        """Store tags (vector id, label, score), within the caller's transaction.

        Vectors that have been deleted are skipped.
        """
        self._db.many(
            "INSERT OR REPLACE INTO tags (image_id, label, score, source, model_id)"
            " SELECT image_id, ?, ?, ?, ? FROM vectors WHERE id = ?",
            ((label, score, source, model_id, vector_id) for vector_id, label, score in rows),
        )

    def remove(self, source: str, label: str | None = None) -> int:
        """Remove one label of a source, or all, from all pictures; return the number of tags."""
        return self._db.rows(
            "DELETE FROM tags WHERE source = ? AND (? IS NULL OR label = ?)",
            (source, label, label),
        ).rowcount

    def rename(self, source: str, label: str, new: str) -> None:
        """Give a label of a source another name, within the caller's transaction."""
        self._db.rows(
            "UPDATE OR REPLACE tags SET label = ? WHERE source = ? AND label = ?",
            (new, source, label),
        )

    def labels(self) -> tuple[str, ...]:
        """Return the labels that tagging uses, in order."""
        sql = f"SELECT label, {sound('labels')} FROM labels ORDER BY position"
        labels = [label for (label,) in self._db.intact("a label", sql)]
        if not all(isinstance(label, str) and label for label in labels):
            raise self._db.damaged("a label is not a text")
        return tuple(labels)

    def put_labels(self, labels: Sequence[str]) -> None:
        """Replace the labels, which must be unique, within the caller's transaction."""
        self._db.rows("DELETE FROM labels")
        self._db.many("INSERT INTO labels (position, label) VALUES (?, ?)", list(enumerate(labels)))
