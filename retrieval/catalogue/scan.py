"""The comparison of a walk with the catalogue: one SQL diff, which opens no file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from retrieval.catalogue.connection import FIRST_BELOW, PAST_BELOW, Connection, text, within
from retrieval.catalogue.generation import next_generation
from retrieval.catalogue.roots import Root
from retrieval.catalogue.row_checks import sound
from retrieval.images import FoundFile, FoundSidecar, OtherFile
from retrieval.images.discovery import sidecar_paths

_PAGE = 1000

_IN_RANGES = (
    "EXISTS (SELECT 1 FROM temp.{table} u"
    " WHERE f.path = u.path OR (f.path > u.above AND f.path < u.below))"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a root that a walk covers: some files and folders, or all of it.

    `files` and `folders` are relative paths; when both are empty, the scope is the whole root.
    """

    root: Root
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScanCounts:
    """The number of files that the walk found, and of those to read (`pending`)."""

    found: int
    pending: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A file to read; `indexed` if it is known and unchanged and only a vector is missing."""

    file: FoundFile
    indexed: bool


class Scan:
    """A walk in progress, stored in temporary tables to keep memory constant."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._scope = scope
        db.rows("DROP TABLE IF EXISTS temp.found_sidecars")
        db.rows(
            "CREATE TEMP TABLE found_sidecars (path TEXT PRIMARY KEY, size INTEGER,"
            " mtime_ns INTEGER, beside TEXT) WITHOUT ROWID"
        )
        db.rows("DROP TABLE IF EXISTS temp.others")
        db.rows("CREATE TEMP TABLE others (mark INTEGER PRIMARY KEY)")
        for table in ("found", "pending", "unseen", "folders", "named", "unseen_files"):
            db.rows(f"DROP TABLE IF EXISTS temp.{table}")
        db.rows(
            "CREATE TEMP TABLE found (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER,"
            " unsupported TEXT) WITHOUT ROWID"
        )
        for table in ("unseen", "folders"):
            db.rows(f"CREATE TEMP TABLE {table} (path TEXT, above TEXT, below TEXT)")
        for table in ("named", "unseen_files"):
            db.rows(f"CREATE TEMP TABLE {table} (path TEXT PRIMARY KEY) WITHOUT ROWID")
        db.many(
            "INSERT OR IGNORE INTO temp.named VALUES (CAST(? AS TEXT))",
            ((text(each),) for path in scope.files for each in (path, *sidecar_paths(path))),
        )
        for path in scope.folders:
            self._insert_range("folders", path)

    def add(self, files: Iterable[FoundFile]) -> None:
        """Add files that the walk found."""
        self._db.many(
            "INSERT OR REPLACE INTO temp.found VALUES (CAST(? AS TEXT), ?, ?, ?)",
            ((text(f.path), f.size, f.mtime_ns, f.unsupported) for f in files),
        )

    def unjudged(self, files: Sequence[OtherFile]) -> tuple[list[FoundFile], list[OtherFile]]:
        """Return which of some other files are known pictures, and which were never looked into.

        Files that were looked into, and are no pictures, are in neither list until they change.
        """
        marks = [_mark(file) for file in files]
        self._db.many("INSERT OR IGNORE INTO temp.others VALUES (?)", ((mark,) for mark in marks))
        rows = self._db.rows(
            "SELECT value FROM json_each(?) WHERE value IN"
            " (SELECT mark FROM looked_into WHERE root_id = ?)",
            (json.dumps(marks), self._scope.root.id),
        )
        judged = {mark for (mark,) in rows.fetchall()}
        pictures: list[FoundFile] = []
        others: list[OtherFile] = []
        for mark, file in zip(marks, files, strict=True):
            if mark in judged:
                continue
            if self._is_unchanged(file):
                pictures.append(FoundFile(file.path, file.size, file.mtime_ns))
            else:
                others.append(file)
        return pictures, others

    def _is_unchanged(self, file: OtherFile) -> bool:
        found = self._db.one(
            "SELECT 1 FROM files WHERE root_id = ? AND path = CAST(? AS TEXT)"
            f" AND size = ? AND mtime_ns = ? AND {sound('files')}",
            (self._scope.root.id, text(file.path), file.size, file.mtime_ns),
        )
        return found is not None

    def note_no_pictures(self, files: Iterable[OtherFile]) -> None:
        """Remember, in its own transaction, that these files are no pictures."""
        with self._db.writing():
            self._db.many(
                "INSERT OR IGNORE INTO looked_into VALUES (?, ?)",
                ((self._scope.root.id, _mark(file)) for file in files),
            )

    def add_sidecar(self, sidecar: FoundSidecar) -> None:
        """Add a sidecar that the walk found."""
        self._db.rows(
            "INSERT OR REPLACE INTO temp.found_sidecars"
            " VALUES (CAST(? AS TEXT), ?, ?, CAST(? AS TEXT))",
            (text(sidecar.path), sidecar.size, sidecar.mtime_ns, text(sidecar.beside)),
        )

    def leave_alone(self, path: str) -> None:
        """Protect a path that the walk could not read: files at or below it are not forgotten."""
        self._db.rows(
            "INSERT OR IGNORE INTO temp.unseen_files VALUES (CAST(? AS TEXT))", (text(path),)
        )
        if self.knows(path, below=True):
            self._insert_range("unseen", path)

    def _insert_range(self, table: str, path: str) -> None:
        raw = text(path)
        self._db.rows(
            f"INSERT INTO temp.{table} VALUES (CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT))",
            (raw, raw + FIRST_BELOW, raw + PAST_BELOW),
        )

    def compare(self, model_id: int, max_megapixels: float, *, retry: bool = False) -> ScanCounts:
        """Find the files to read: new, changed, without a vector, or with a problem to retry.

        Also those whose row a fault has changed. A problem is retried if it is transient, the file
        has changed, the format has become supported, or the limit on megapixels has been raised;
        with `retry`, in any case.
        """
        good = sound("files", "f")
        self._db.rows(
            f"""CREATE TEMP TABLE pending AS
            SELECT s.path, s.size, s.mtime_ns, s.unsupported,
                f.image_id IS NOT NULL AND f.size = s.size AND f.mtime_ns = s.mtime_ns
                    AND {good} AS indexed
            FROM temp.found s
            LEFT JOIN files f ON f.root_id = ? AND f.path = s.path
            LEFT JOIN vectors v
                ON v.image_id = f.image_id AND v.model_id = ? AND v.view = 'whole'
            WHERE f.id IS NULL
                OR f.size != s.size OR f.mtime_ns != s.mtime_ns
                OR (f.image_id IS NOT NULL AND v.id IS NULL)
                OR (f.image_id IS NULL AND f.problem IS NULL)
                OR NOT {good}
                OR (f.problem_kind = 'unsupported') != (s.unsupported != '')
                OR f.megapixels <= ? OR f.problem_kind = 'transient'
                OR (? AND f.problem_kind IS NOT NULL)
            ORDER BY s.path""",
            (self._scope.root.id, model_id, max_megapixels, retry),
        )
        return ScanCounts(
            self._db.one("SELECT count(*) FROM temp.found"),
            self._db.one("SELECT count(*) FROM temp.pending"),
        )

    def pending(self) -> Iterator[Pending]:
        """Yield the files to read, by path."""
        last = 0
        while True:
            rows = self._db.rows(
                "SELECT rowid, path, size, mtime_ns, unsupported, indexed FROM temp.pending "
                "WHERE rowid > ? ORDER BY rowid LIMIT ?",
                (last, _PAGE),
            ).fetchall()
            if not rows:
                return
            for _, path, size, mtime_ns, unsupported, indexed in rows:
                yield Pending(FoundFile(path, size, mtime_ns, unsupported), bool(indexed))
            last = rows[-1][0]

    def changed_sidecars(self) -> list[FoundSidecar]:
        """Return the sidecars to read: new and changed ones, and those of renamed pictures."""
        rows = self._db.rows(
            "SELECT s.path, s.size, s.mtime_ns, s.beside FROM temp.found_sidecars s"
            " LEFT JOIN sidecars k"
            " ON k.root_id = ? AND k.path = s.path"
            " WHERE k.path IS NULL OR k.size != s.size OR k.mtime_ns != s.mtime_ns"
            f" OR k.beside != s.beside OR NOT {sound('sidecars', 'k')}",
            (self._scope.root.id,),
        )
        return [FoundSidecar(*row) for row in rows.fetchall()]

    def forget_gone_sidecars(self) -> int:
        """Delete the sidecars in scope that the walk did not find; return how many."""
        return self._db.rows(
            f"""DELETE FROM sidecars AS f WHERE f.root_id = ? AND {self._in_scope()}
            AND NOT EXISTS (SELECT 1 FROM temp.found_sidecars s WHERE s.path = f.path)
            AND NOT {_IN_RANGES.format(table="unseen")}""",
            (self._scope.root.id,),
        ).rowcount

    def known(self) -> int:
        """Return how many files in scope the catalogue has."""
        count = self._db.one(
            f"SELECT count(*) FROM files f WHERE f.root_id = ? AND {self._in_scope()}",
            (self._scope.root.id,),
        )
        return int(count)

    def knows(self, path: str, *, below: bool = False) -> bool:
        """Tell whether the catalogue has a file at or below a path (`below`: only below it)."""
        condition, values = within(path)
        if below:
            condition, values = f"{condition} AND f.path != CAST(? AS TEXT)", (*values, text(path))
        found = self._db.one(
            f"SELECT 1 FROM files f WHERE f.root_id = ? AND {condition} LIMIT 1",
            (self._scope.root.id, *values),
        )
        return found is not None

    def forget_gone(self) -> int:
        """Delete the files in scope that the walk did not find; return how many."""
        if not self._scope.files and not self._scope.folders:
            self._db.rows(
                "DELETE FROM looked_into WHERE root_id = ?"
                " AND mark NOT IN (SELECT mark FROM temp.others)",
                (self._scope.root.id,),
            )
        with self._db.writing():
            cursor = self._db.rows(
                f"""DELETE FROM files AS f WHERE f.root_id = ? AND {self._in_scope()}
                AND NOT EXISTS (SELECT 1 FROM temp.found s WHERE s.path = f.path)
                AND NOT EXISTS (SELECT 1 FROM temp.unseen_files n WHERE n.path = f.path)
                AND NOT {_IN_RANGES.format(table="unseen")}""",
                (self._scope.root.id,),
            )
            if cursor.rowcount:
                next_generation(self._db)
        return cursor.rowcount

    def _in_scope(self) -> str:
        if not self._scope.files and not self._scope.folders:
            return "1"
        return (
            "(f.path IN (SELECT path FROM temp.named) OR "
            + _IN_RANGES.format(table="folders")
            + ")"
        )


def _mark(file: OtherFile) -> int:
    """Return 64 bits that stand for a file as it is now; a folder may have a million of them."""
    written = text(f"{file.path}\0{file.size}\0{file.mtime_ns}")
    return int.from_bytes(hashlib.blake2b(written, digest_size=8).digest(), "big", signed=True)
