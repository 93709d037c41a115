"""The indexer's writes: pictures, vectors and problems, one transaction per batch."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from retrieval.catalogue.connection import Connection, text, within
from retrieval.catalogue.edited_files import follow_edit
from retrieval.catalogue.explaining import explained
from retrieval.catalogue.generation import next_generation
from retrieval.catalogue.healing import NOTHING, Damage, find_when_due, heal
from retrieval.catalogue.image_rows import ImageRecord, insert_images
from retrieval.catalogue.roots import Root, image_at
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.saved import EXAMPLES
from retrieval.catalogue.vectors import GREATEST_ID, WHOLE
from retrieval.specs import ModelSpec

# A file is read again, with its parts, if it has no vector as a whole.
_DELETE_WHOLE_OF_PART = (
    "DELETE FROM vectors WHERE id IN (SELECT w.id FROM vectors p JOIN vectors w"
    " ON w.image_id = p.image_id AND w.model_id = p.model_id AND w.view = 'whole'"
    " WHERE p.id = ? AND p.view NOT IN ('whole', 'text'))"
)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file whose image is in the catalogue or in the same batch."""

    path: str
    size: int
    mtime_ns: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class ProblemRecord:
    """A file that cannot be used; `kind` is "bad", "unsupported" or "transient".

    The first two remain until the file changes. Every run tries the last one again.
    """

    path: str
    size: int
    mtime_ns: int
    reason: str
    kind: str
    megapixels: float | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of one transaction. Images are written before the files that have them."""

    images: Sequence[ImageRecord] = ()
    files: Sequence[FileRecord] = ()
    problems: Sequence[ProblemRecord] = ()


class Contents:
    """Writes to the tables of files, images and vectors."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def register_model(self, spec: ModelSpec) -> int:
        """Add a model, or update the name of the one with its fingerprint; return its id."""
        self._db.rows(
            "INSERT INTO models (fingerprint, name, dim, licence, preprocessing)"
            " VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (fingerprint) DO UPDATE SET name = excluded.name",
            (
                spec.fingerprint,
                spec.name,
                spec.dim,
                spec.licence,
                json.dumps(asdict(spec.preprocessing)),
            ),
        )
        return int(self._db.one("SELECT id FROM models WHERE fingerprint = ?", (spec.fingerprint,)))

    def record(self, root: Root, model_id: int, batch: Batch) -> None:
        """Commit a batch in one transaction: images, vectors, files, problems, next generation."""
        from retrieval.images.name_dates import date_in_name  # searches do not need it

        with self._db.writing():
            next_generation(self._db)
            insert_images(self._db, model_id, batch.images)
            for file in batch.files:
                self._insert_file(root, file, date_in_name(os.path.basename(file.path)), model_id)
            self._insert_problems(root, batch.problems)

    def expire_orphans(self, *, older_than_days: float) -> None:
        """Delete images, with their vectors, that have had no file for that many days.

        An orphan keeps its vectors until then, because its file may have moved to a folder that
        is indexed later. Examples of saved searches keep them for good.
        """
        cutoff = time.time() - older_than_days * 86_400
        which = f"orphaned_at <= ? AND lower(hex(sha256)) NOT IN ({EXAMPLES})"
        self._db.rows(f"DELETE FROM images WHERE {which}", (cutoff,))

    def orphans(self) -> set[int]:
        """Return the ids of the images without a file."""
        return {id_ for (id_,) in self._db.rows("SELECT id FROM images WHERE orphaned_at NOT NULL")}

    def damaged_rows(self) -> Damage:
        """Return the damaged rows that can be read again; of a large library once a day."""
        return find_when_due(self._db)

    def mend(self, damaged: Iterable[int], rows: Damage = NOTHING) -> list[int]:
        """Delete damaged vectors, so that they count as lacking, and outdate all caches.

        Of damaged `rows`, this forgets what the same run reads again; returns the images that it
        will read. Also corrects which images are in the results: those that have a file.
        """
        with self._db.writing():
            next_generation(self._db)
            with explained(self._db.path):
                again = heal(self._db.raw, rows)
            ids = list(damaged)
            self._db.many(_DELETE_WHOLE_OF_PART, ((id_,) for id_ in ids))
            self._db.many("DELETE FROM vectors WHERE id = ?", ((id_,) for id_ in ids))
            self._db.rows(
                f"UPDATE sqlite_sequence SET seq = (SELECT max(id) FROM (SELECT max(id) AS id"
                f" FROM vectors UNION SELECT max(vector_id) FROM removed WHERE vector_id <="
                f" {GREATEST_ID})) WHERE name = 'vectors' AND seq > {GREATEST_ID}"
            )
            for image_id in self.wrong_orphans():
                self._revive(image_id)
            self._db.many(
                "UPDATE images SET orphaned_at = CAST(strftime('%s', 'now') AS INTEGER)"
                " WHERE id = ?",
                ((id_,) for id_ in self.lost_images()),
            )
            self.outdate_caches()
        return again

    def wrong_orphans(self) -> list[int]:
        """Return the ids of images that count as having no file, but have one."""
        rows = self._db.rows(
            "SELECT id FROM images i WHERE orphaned_at IS NOT NULL"
            " AND EXISTS (SELECT 1 FROM files f WHERE f.image_id = i.id)"
        )
        return [id_ for (id_,) in rows]

    def lost_images(self) -> list[int]:
        """Return the ids of images that have no file, but do not count as orphans."""
        rows = self._db.rows(
            "SELECT id FROM images i WHERE orphaned_at IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM files f WHERE f.image_id = i.id)"
        )
        return [id_ for (id_,) in rows]

    def delete_images(self, ids: Iterable[int]) -> None:
        """Delete images with their vectors, within the caller's transaction."""
        self._db.many("DELETE FROM images WHERE id = ?", ((id_,) for id_ in ids))

    def outdate_caches(self) -> None:
        """Delete the history of removals: older caches are then rebuilt instead of updated.

        Call it after a new cache has been written, or to invalidate old caches.
        """
        self._db.rows("DELETE FROM removed")
        self._db.rows(
            "DELETE FROM stamps WHERE generation <"
            " (SELECT value FROM state WHERE key = 'generation')"
        )

    def forget_files(self, root: Root, below: str) -> int:
        """Delete the files of a root at or below a relative path ("": all); return how many."""
        condition, values = within(below)
        next_generation(self._db)
        return self._db.rows(
            f"DELETE FROM files AS f WHERE f.root_id = ? AND {condition}", (root.id, *values)
        ).rowcount

    def forget_model(self, fingerprint: str) -> int:
        """Delete a model and its vectors, within the caller's transaction.

        Returns the number of its pictures' vectors.
        """
        model_id = self._db.one("SELECT id FROM models WHERE fingerprint = ?", (fingerprint,))
        count = self._db.rows(
            "DELETE FROM vectors WHERE model_id = ? AND view = ?", (model_id, WHOLE)
        ).rowcount
        self._db.rows("DELETE FROM vectors WHERE model_id = ?", (model_id,))
        self._db.rows("DELETE FROM models WHERE id = ?", (model_id,))
        next_generation(self._db)
        self.outdate_caches()
        return count

    def _insert_file(self, root: Root, file: FileRecord, named: str, model_id: int) -> None:
        self._forget_damaged(root, file.path)
        before = image_at(self._db, root.id, file.path)
        image_id, orphaned_at = self._db.rows(
            "SELECT id, orphaned_at FROM images WHERE sha256 = ?", (file.sha256,)
        ).fetchone()
        if orphaned_at is not None:
            self._revive(image_id)
        self._db.rows(
            "INSERT INTO files (root_id, path, size, mtime_ns, named, image_id)"
            " VALUES (?, CAST(? AS TEXT), ?, ?, ?, ?)"
            " ON CONFLICT (root_id, path) DO UPDATE SET size = excluded.size,"
            " mtime_ns = excluded.mtime_ns, named = excluded.named, image_id = excluded.image_id,"
            " problem = NULL, problem_kind = NULL, megapixels = NULL",
            (root.id, text(file.path), file.size, file.mtime_ns, named, image_id),
        )
        follow_edit(self._db, before, image_id, model_id)

    def _forget_damaged(self, root: Root, path: str) -> None:
        """Delete the row of a file if a fault has changed it: no trigger would seal it again."""
        which = f"root_id = ? AND path = CAST(? AS TEXT) AND NOT {sound('files')}"
        self._db.rows(f"DELETE FROM files WHERE {which}", (root.id, text(path)))

    def _revive(self, image_id: int) -> None:
        """Restore an orphan's vectors under new ids, because caches may mask the old ones."""
        old = self._db.rows(
            "SELECT model_id, view, embedding FROM vectors WHERE image_id = ?", (image_id,)
        ).fetchall()
        self._db.rows("DELETE FROM vectors WHERE image_id = ?", (image_id,))
        self._db.many(
            "INSERT INTO vectors (image_id, model_id, view, embedding) VALUES (?, ?, ?, ?)",
            ((image_id, *row) for row in old),
        )
        self._db.rows("UPDATE images SET orphaned_at = NULL WHERE id = ?", (image_id,))

    def _insert_problems(self, root: Root, problems: Sequence[ProblemRecord]) -> None:
        columns = "root_id, path, size, mtime_ns, problem, problem_kind, megapixels"
        values = "?, CAST(? AS TEXT), ?, ?, ?, ?, ?"
        insert = f"INSERT INTO files ({columns}) VALUES ({values}) ON CONFLICT (root_id, path) DO "
        update = (
            "UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns, image_id = NULL,"
            " problem = excluded.problem, problem_kind = excluded.problem_kind,"
            " megapixels = excluded.megapixels"
        )
        for p in problems:
            self._forget_damaged(root, p.path)
            # A transient problem removes no picture from the results.
            self._db.rows(
                insert + ("NOTHING" if p.kind == "transient" else update),
                (root.id, text(p.path), p.size, p.mtime_ns, p.reason, p.kind, p.megapixels),
            )
