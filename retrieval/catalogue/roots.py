"""The roots of a library: its indexed folders and their exclude patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from retrieval.catalogue.connection import Connection, text
from retrieval.catalogue.generation import next_generation
from retrieval.catalogue.row_checks import sound
from retrieval.images.places import is_elsewhere
from retrieval.query.spelling import is_address

ExcludeSource = Literal["user", "remove"]

_LOOKED = "looked:"
"""Keys of `state`; the id of a root follows."""


@dataclass(frozen=True, slots=True)
class Root:
    """An indexed folder; `whole` is False if only single files in it are indexed.

    It may also be an archive or an address, whose pictures were imported: see `elsewhere`.
    """

    id: int
    path: str
    whole: bool
    missing: bool

    @property
    def elsewhere(self) -> bool:
        """Tell whether it is no folder of this machine: no walk looks into it."""
        return is_elsewhere(self.path)


def image_at(db: Connection, root_id: int, path: str) -> int | None:
    """Return the id of the image of a root's file, given by its path below the root, or None."""
    sql = "SELECT image_id FROM files WHERE root_id = ? AND path = CAST(? AS TEXT)"
    found = db.one(sql, (root_id, text(path)))
    return None if found is None else int(found)


class Roots:
    """The table of roots. Paths are absolute."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def all(self) -> list[Root]:
        """Return every root, by path."""
        rows = self._db.intact(
            "the record of an indexed folder",
            f"SELECT id, path, whole, missing, {sound('roots')} FROM roots ORDER BY path",
        )
        return [
            Root(id_, self._db.a_path(path), bool(whole), bool(missing))
            for id_, path, whole, missing in rows
        ]

    def add(self, path: str, *, whole: bool) -> Root:
        """Return the root at `path`; create it, or make it whole, if necessary."""
        self._db.rows(
            "INSERT INTO roots (path, whole) VALUES (CAST(? AS TEXT), ?) "
            "ON CONFLICT (path) DO UPDATE SET whole = max(whole, excluded.whole)",
            (text(path), whole),
        )
        row = self._db.rows(
            "SELECT id, path, whole, missing FROM roots WHERE path = CAST(? AS TEXT)", (text(path),)
        ).fetchone()
        return Root(row[0], row[1], bool(row[2]), bool(row[3]))

    def merge_into(self, part: Root, whole: Root, below: str) -> None:
        """Move all files of `part`, which lies at `below` in `whole`, to `whole`; delete `part`."""
        self._db.rows(
            "UPDATE OR REPLACE files SET root_id = ?, path = CAST(? AS TEXT) || path"
            " WHERE root_id = ?",
            (whole.id, text(f"{below}/"), part.id),
        )
        self.delete(part)

    def split_off(self, part: Root, whole: Root, below: str) -> None:
        """Move the files of `part` below `below`, which is the place of `whole`, to `whole`."""
        prefix = text(f"{below}/")
        self._db.rows(
            "UPDATE OR REPLACE files SET root_id = ?,"
            " path = CAST(substr(CAST(path AS BLOB), ?) AS TEXT)"
            " WHERE root_id = ? AND path > CAST(? AS TEXT) AND path < CAST(? AS TEXT)",
            (whole.id, len(prefix) + 1, part.id, prefix, prefix[:-1] + b"0"),
        )

    def set_missing(self, root: Root, *, missing: bool) -> None:
        """Store whether the last walk found the folder missing."""
        self._db.rows("UPDATE roots SET missing = ? WHERE id = ?", (missing, root.id))

    def set_looked(self, root: Root, when: float) -> None:
        """Store when a walk last went through the whole root, in seconds since 1970."""
        self._db.rows(
            "INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)",
            (_LOOKED + str(root.id), when),
        )

    def looked(self) -> dict[int, float]:
        """Return when each root was last walked through, by its id; roots never walked lack."""
        rows = self._db.rows(
            f"SELECT key, value FROM state s WHERE key GLOB ? AND {sound('state', 's')}",
            (_LOOKED + "*",),
        )
        return {
            int(key.removeprefix(_LOOKED)): float(value)
            for key, value in rows
            if isinstance(value, int | float) and key.removeprefix(_LOOKED).isdecimal()
        }

    def delete(self, root: Root) -> None:
        """Delete a root with its files, mount points and exclude patterns."""
        next_generation(self._db)
        self._db.rows("DELETE FROM state WHERE key = ?", (_LOOKED + str(root.id),))
        self._db.rows("DELETE FROM roots WHERE id = ?", (root.id,))

    def mounts(self, root: Root) -> list[str]:
        """Return the relative paths of the mount points that the last walk found."""
        rows = self._db.intact(
            f"a mount point in {root.path}",
            f"SELECT path, {sound('mounts')} FROM mounts WHERE root_id = ?",
            (root.id,),
        )
        return [self._db.a_path(path) for (path,) in rows]

    def set_mount(self, root: Root, path: str, *, mounted: bool) -> None:
        """Add or delete a mount point."""
        statement = (
            "INSERT OR IGNORE INTO mounts (root_id, path) VALUES (?, CAST(? AS TEXT))"
            if mounted
            else "DELETE FROM mounts WHERE root_id = ? AND path = CAST(? AS TEXT)"
        )
        self._db.rows(statement, (root.id, text(path)))

    def excludes(self, root: Root, source: ExcludeSource | None = None) -> list[str]:
        """Return the exclude patterns, all or those of one source."""
        rows = self._db.intact(
            f"a pattern that excludes files of {root.path}",
            f"SELECT pattern, {sound('excludes')} FROM excludes"
            " WHERE root_id = ? AND (? IS NULL OR source = ?)",
            (root.id, source, source),
        )
        return [self._db.a_text(pattern) for (pattern,) in rows]

    def exclude(self, root: Root, patterns: Iterable[str], source: ExcludeSource) -> None:
        """Add exclude patterns."""
        self._db.many(
            "INSERT OR IGNORE INTO excludes (root_id, pattern, source)"
            " VALUES (?, CAST(? AS TEXT), ?)",
            ((root.id, text(pattern), source) for pattern in patterns),
        )

    def include(self, root: Root, source: ExcludeSource, pattern: str | None = None) -> None:
        """Delete one exclude pattern of a source, or all of them."""
        self._db.rows(
            "DELETE FROM excludes WHERE root_id = ? AND source = ? "
            "AND (? IS NULL OR pattern = CAST(? AS TEXT))",
            (root.id, source, pattern, None if pattern is None else text(pattern)),
        )


def anchored(below: str) -> str:
    """Return the exclude pattern that matches one relative path and nothing else."""
    return "/" + glob.escape(below)


def root_of(roots: Sequence[Root], path: str) -> Root | None:
    """Return the deepest root at or above an absolute path, or None."""
    above = [root for root in roots if path == root.path or is_below(path, root.path)]
    return max(above, key=lambda root: len(root.path), default=None)


def is_below(path: str, folder: str) -> bool:
    """Tell whether an absolute path lies below (not at) an absolute folder."""
    return path != folder and path.startswith(folder.rstrip(os.sep) + os.sep)


def relative(root: Root, path: str) -> str:
    """Return a path relative to its root, "" for the root itself."""
    if is_address(root.path):
        return path[len(root.path) :].removeprefix("/")
    return "" if path == root.path else os.path.relpath(path, root.path)
