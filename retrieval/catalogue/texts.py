"""The texts of pictures, one per source, with their full-text index and their vectors."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.connection import GREATEST_NUMBER, Connection
from retrieval.catalogue.generation import next_generation
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.vectors import TEXT
from retrieval.query.tokens import indexed, is_pair
from retrieval.vectors import to_blobs

CAPTION, SIDECAR, XMP, EMBEDDED, NAME, OCR = "caption", "sidecar", "xmp", "embedded", "name", "ocr"
COLUMNS = "columns"
"""The other columns of a data set, one a line: "licence: CC-BY"."""

SOURCES = (CAPTION, SIDECAR, XMP, EMBEDDED, NAME, OCR, COLUMNS)
"""The sources of texts, the most informative first."""

DESCRIBING = (CAPTION, SIDECAR, XMP, EMBEDDED)
"""Sources that describe a picture in sentences or keywords. Their texts get a vector."""

_MIN_DOCUMENTS = 1000
"""The rarity of a word assumes at least this many pictures; fewer give no reliable estimate."""

_A_TEXT = "the text of a picture"

_DESCRIBING = ", ".join(f"'{source}'" for source in DESCRIBING)


@dataclass(frozen=True, slots=True)
class TextRow:
    """The text of one source for an image; each line is one text of the source."""

    source: str
    text: str


class Texts:
    """The table of texts. A text is never empty; an image without one has no row."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def put(self, image_id: int, texts: Mapping[str, str]) -> None:
        """Set an image's texts by source ("" deletes), within the caller's transaction."""
        before = {row.source: row.text for row in self.of_image(image_id)}
        changed = {source: text for source, text in texts.items() if text != before.get(source, "")}
        if not changed:
            return
        for source, text in changed.items():
            if text:
                self._db.rows(
                    "INSERT OR REPLACE INTO texts (image_id, source, text) VALUES (?, ?, ?)",
                    (image_id, source, text),
                )
            else:
                self._db.rows(
                    "DELETE FROM texts WHERE image_id = ? AND source = ?", (image_id, source)
                )
        self._index(image_id)
        if changed.keys() & set(DESCRIBING):
            self._drop_vectors(image_id)

    def of_image(self, image_id: int) -> tuple[TextRow, ...]:
        """Return an image's texts, the most informative source first."""
        sql = f"SELECT source, text, {sound('texts')} FROM texts WHERE image_id = ?"
        rows = list(self._db.intact_records(TextRow, _A_TEXT, sql, (image_id,)))
        strange = [row.source for row in rows if row.source not in SOURCES]
        if strange:
            raise self._db.damaged(f"a text comes from {strange[0]!r}, which is no source of texts")
        return tuple(sorted(rows, key=lambda row: SOURCES.index(row.source)))

    def counts(self) -> dict[str, int]:
        """Return how many of the library's pictures have a text of each source."""
        rows = self._db.rows(
            "SELECT source, count(*) FROM texts t JOIN images i ON i.id = t.image_id"
            " WHERE i.orphaned_at IS NULL GROUP BY source"
        )
        return dict(rows.fetchall())

    def exist(self) -> bool:
        """Tell whether any picture has a text."""
        return self._db.one("SELECT 1 FROM texts LIMIT 1") is not None

    def matching(
        self, terms: Sequence[str], limit: int, pictures: int, allowed: Iterable[int] | None = None
    ) -> dict[int, float]:
        """Return scores for FTS5 terms by image id, higher is better; at most `limit` per term.

        The score is BM25, with the squared rarity of a word among all `pictures` of the library
        (SQLite counts only those with texts), times the matched share of the query's total rarity.
        A picture that matches every word of a short query scores high; one that matches a common
        word of a long query scores almost 0. `allowed`, if given, limits the image ids.
        """
        # SQLite would look up each allowed image among the matches, however many there are.
        inside = None if allowed is None else frozenset(allowed)
        most = min(limit, GREATEST_NUMBER) if inside is None else -1
        documents = self._db.one("SELECT count(*) FROM words_docsize")
        scores: dict[int, float] = {}
        matched: dict[int, float] = {}
        whole = 0.0
        for term in terms:
            count = self._db.one("SELECT count(*) FROM words WHERE words MATCH ?", (term,))
            rarity = max(_rarity(count, max(pictures, documents, _MIN_DOCUMENTS)), 0.0) ** 2
            # A pair without any match mostly spans two words, like 落的 in 日落的照片.
            whole += rarity if count or not is_pair(term) else 0.0
            if not count or not rarity:
                continue
            own = max(_rarity(count, documents), 1e-6)  # the factor that SQLite used
            rows = self._db.rows(
                "SELECT rowid, -rank FROM words WHERE words MATCH ?"
                " AND EXISTS (SELECT 1 FROM images i WHERE i.id = rowid AND i.orphaned_at IS NULL)"
                " ORDER BY rank, rowid LIMIT ?",
                (term, most),
            )
            found = (row for row in rows if inside is None or row[0] in inside)
            for image_id, score in islice(found, min(limit, sys.maxsize)):
                scores[image_id] = scores.get(image_id, 0.0) + score / own * rarity
                matched[image_id] = matched.get(image_id, 0.0) + rarity
        return {image_id: score * matched[image_id] / whole for image_id, score in scores.items()}

    def without_vector(self, model_id: int, limit: int) -> list[tuple[int, str]]:
        """Return (image id, description lines) of images whose description has no vector."""
        rows = self._db.rows(
            "SELECT t.image_id, group_concat(t.text, char(10)),"
            f" min({sound('texts', 't')}) FROM texts t"
            " JOIN images i ON i.id = t.image_id AND i.orphaned_at IS NULL"
            f" WHERE t.source IN ({_DESCRIBING}) AND NOT EXISTS (SELECT 1 FROM vectors v"
            "  WHERE v.image_id = t.image_id AND v.model_id = ? AND v.view = ?)"
            " GROUP BY t.image_id ORDER BY t.image_id LIMIT ?",
            (model_id, TEXT, limit),
        ).fetchall()
        if not all(isinstance(text, str) for _, text, _ in rows):
            raise self._db.damaged("a description is not a text")
        for image_id, description, good in rows:
            if not good:
                raise self._db.altered(_A_TEXT, (image_id, description))
        return [(image_id, description) for image_id, description, _ in rows]

    def put_vectors(
        self, model_id: int, image_ids: Sequence[int], vectors: NDArray[np.float32]
    ) -> None:
        """Store the (n, dim) float32 unit vectors of n images' texts, in its own transaction."""
        with self._db.writing():
            next_generation(self._db)
            self._db.many(
                "INSERT OR IGNORE INTO vectors (image_id, model_id, view, embedding)"
                " VALUES (?, ?, ?, ?)",
                (
                    (image_id, model_id, TEXT, blob)
                    for image_id, blob in zip(image_ids, to_blobs(vectors), strict=True)
                ),
            )

    def unread(self, after: int, limit: int) -> list[int]:
        """Return the ids above `after`, ascending, of images without text recognition (OCR)."""
        rows = self._db.rows(
            "SELECT i.id FROM images i WHERE i.id > ? AND i.orphaned_at IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM ocr_done o WHERE o.image_id = i.id)"
            " ORDER BY i.id LIMIT ?",
            (after, limit),
        )
        return [image_id for (image_id,) in rows]

    def count_unread(self) -> int:
        """Count the images without text recognition (OCR)."""
        return int(
            self._db.one(
                "SELECT count(*) FROM images i WHERE i.orphaned_at IS NULL"
                " AND NOT EXISTS (SELECT 1 FROM ocr_done o WHERE o.image_id = i.id)"
            )
        )

    def put_read(self, texts: Mapping[int, str]) -> None:
        """Store the recognized (OCR) texts of images by id, in its own transaction."""
        with self._db.writing():
            for image_id, text in texts.items():
                self.put(image_id, {OCR: text})
                self._db.rows("INSERT OR IGNORE INTO ocr_done VALUES (?)", (image_id,))

    def _index(self, image_id: int) -> None:
        self._db.rows("DELETE FROM words WHERE rowid = ?", (image_id,))
        texts = self.of_image(image_id)
        if texts:
            words = indexed("\n".join(row.text for row in texts))
            self._db.rows("INSERT INTO words (rowid, text) VALUES (?, ?)", (image_id, words))

    def _drop_vectors(self, image_id: int) -> None:
        """Remove the vector of an older text from the results."""
        old = self._db.rows(
            "SELECT id, model_id FROM vectors WHERE image_id = ? AND view = ?", (image_id, TEXT)
        ).fetchall()
        if not old:
            return
        generation = next_generation(self._db)
        self._db.many(
            "INSERT OR REPLACE INTO removed VALUES (?, ?, ?, ?)",
            ((vector_id, model_id, TEXT, generation) for vector_id, model_id in old),
        )
        self._db.rows("DELETE FROM vectors WHERE image_id = ? AND view = ?", (image_id, TEXT))


def _rarity(count: int, documents: int) -> float:
    """Return the inverse document frequency of BM25."""
    return math.log((documents - count + 0.5) / (count + 0.5))
