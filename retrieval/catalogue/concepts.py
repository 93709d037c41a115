"""Concepts: their examples, and a linear head for each model. See `retrieval.tagging.concepts`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.catalogue.connection import Connection
from retrieval.catalogue.row_checks import sound
from retrieval.query.spelling import as_read
from retrieval.scoring.linear_head import Head
from retrieval.vectors import are_unit

_STORED = np.dtype("<f4")


@dataclass(frozen=True, slots=True)
class ConceptRow:
    """A concept with its positive (`like`) and negative (`unlike`) examples, as entered."""

    id: int
    name: str
    like: tuple[str, ...]
    unlike: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeadRow:
    """A concept's head for one model, with its cross-validated quality (None if not measured)."""

    head: Head
    auc: float | None
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class _StoredHead:
    direction: bytes
    steepness: float
    offset: float
    auc: float | None
    accuracy: float | None


class ConceptRows:
    """The tables of concepts."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def names(self) -> list[str]:
        """Return the concepts' names in alphabetical order."""
        sql = f"SELECT name, {sound('concepts')} FROM concepts ORDER BY name"
        rows = self._db.intact("the name of a concept", sql)
        return [self._db.a_text(name) for (name,) in rows]

    def named(self, name: str) -> ConceptRow | None:
        """Return the concept of that name, or of one that looks the same, or None."""
        names = self.names()
        if name not in names:
            name = {as_read(known): known for known in names}.get(as_read(name), name)
        id_ = self._db.one("SELECT id FROM concepts WHERE name = ?", (name,))
        if id_ is None:
            return None
        examples = list(
            self._db.intact(
                f"an example of the concept “{name}”",
                f"SELECT example, wanted, {sound('concept_examples')} FROM concept_examples"
                " WHERE concept_id = ? ORDER BY example",
                (id_,),
            )
        )
        for example, _ in examples:
            self._db.a_text(example)
        like = tuple(example for example, wanted in examples if wanted)
        if not like:  # nobody can teach that: a fault took the rows
            raise self._db.damaged(f"the examples of the concept “{name}” are lost; learn it again")
        unlike = tuple(example for example, wanted in examples if not wanted)
        return ConceptRow(id_, name, like, unlike)

    def head(self, concept_id: int, model_id: int, dim: int) -> HeadRow | None:
        """Return a concept's head for a model; None if it was not learned with that model.

        LibraryError for a head that is damaged: learning the concept again makes it anew.
        """
        row = self._db.rows(
            "SELECT direction, steepness, offset, auc, accuracy,"
            f" {sound('concept_heads')} FROM concept_heads"
            " WHERE concept_id = ? AND model_id = ?",
            (concept_id, model_id),
        ).fetchone()
        if row is None:
            return None
        if not row[-1]:
            raise self._db.damaged("what was learned of a concept was changed; learn it again")
        stored = self._db.record(_StoredHead, row[:-1])
        size = dim * _STORED.itemsize
        vector = np.frombuffer(stored.direction.ljust(size)[:size], _STORED).astype(np.float32)
        if len(stored.direction) != size or not are_unit(vector[None]).all():
            raise self._db.damaged("the direction of a concept is no vector; learn it again")
        return HeadRow(Head(vector, stored.steepness, stored.offset), stored.auc, stored.accuracy)

    def put(self, name: str, like: Sequence[str], unlike: Sequence[str]) -> int:
        """Store a concept and its examples, within the caller's transaction; return its id.

        This deletes the concept's heads, because they were learned from other examples.
        """
        self._db.rows("DELETE FROM concepts WHERE name = ?", (name,))
        id_ = int(self._db.one("INSERT INTO concepts (name) VALUES (?) RETURNING id", (name,)))
        rows = [(id_, example, True) for example in like]
        rows += [(id_, example, False) for example in unlike]
        self._db.many(
            "INSERT INTO concept_examples (concept_id, example, wanted) VALUES (?, ?, ?)", rows
        )
        return id_

    def put_head(self, concept_id: int, model_id: int, row: HeadRow) -> None:
        """Store a head, within the caller's transaction, unless its model has been deleted."""
        self._db.rows(
            "INSERT OR REPLACE INTO concept_heads"
            " (concept_id, model_id, direction, steepness, offset, auc, accuracy)"
            " SELECT ?, id, ?, ?, ?, ?, ? FROM models"
            " WHERE id = ?",
            (
                concept_id,
                row.head.direction.astype(_STORED).tobytes(),
                row.head.steepness,
                row.head.offset,
                row.auc,
                row.accuracy,
                model_id,
            ),
        )

    def rename(self, id_: int, name: str) -> None:
        """Give a concept another name, which no other has."""
        self._db.rows("UPDATE concepts SET name = ? WHERE id = ?", (name, id_))

    def forget(self, name: str) -> bool:
        """Delete a concept, its examples and heads; return whether it existed."""
        return self._db.rows("DELETE FROM concepts WHERE name = ?", (name,)).rowcount > 0
