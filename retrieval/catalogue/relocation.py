"""Gives indexed folders another path: a library on another machine, a drive at another place.

Only rows change. Pictures, vectors, texts, labels, concepts and kept duplicates belong to contents
and stay as they are.
"""

from __future__ import annotations

import ntpath
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath, PureWindowsPath

from retrieval.catalogue.connection import PAST_BELOW, Connection, text, within
from retrieval.catalogue.generation import next_generation
from retrieval.catalogue.roots import Root, Roots, anchored, is_below, relative, root_of
from retrieval.errors import LibraryError
from retrieval.query.spelling import as_read


@dataclass(frozen=True, slots=True)
class MovedFolder:
    """A folder whose path changes from `old` to `new`, and how many files it has."""

    old: str
    new: str
    files: int


class Relocation:
    """A change of paths, within the caller's transaction."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._roots = Roots(db)

    def move(self, old: str, new: str) -> list[MovedFolder]:
        """Change the paths at and below an absolute path to ones below another.

        `old` may be a path of another system (`D:/Pictures`). Raises LibraryError, and the caller
        rolls back, if the library knows nothing there, or if files of two indexed folders would
        get the same place.
        """
        moved = [
            self._move_root(root, _joined(new, rest))
            for root in self._roots.all()
            if (rest := _below(root.path, old)) is not None
        ]
        if not moved:
            moved = [self._move_part(old, new)]
        self._check_places({each.new for each in moved})
        self._move_examples(old, new)
        return moved

    def files(self, folder: str) -> Iterator[tuple[str, int]]:
        """Yield absolute path and size of each file below an absolute folder of one root."""
        root = root_of(self._roots.all(), folder)
        if root is None:
            return
        condition, values = within(relative(root, folder).replace(os.sep, "/"))
        rows = self._db.rows(
            f"SELECT f.path, f.size FROM files f WHERE f.root_id = ? AND {condition}",
            (root.id, *values),
        )
        for below, size in rows:
            yield os.path.join(root.path, *below.split("/")), size

    def _move_root(self, root: Root, path: str) -> MovedFolder:
        if any(other.path == path and other.id != root.id for other in self._roots.all()):
            raise _conflict(root.path, path)
        next_generation(self._db)
        self._db.rows(
            "UPDATE roots SET path = CAST(? AS TEXT), missing = ? WHERE id = ?",
            (text(path), not os.path.isdir(path), root.id),
        )
        self._refresh_names(root.id)
        return MovedFolder(root.path, path, self._count(root.id))

    def _move_part(self, old: str, new: str) -> MovedFolder:
        """Move a folder below a root, within the root or to a root of its own."""
        root = root_of(self._roots.all(), old)
        below = "" if root is None else relative(root, old).replace(os.sep, "/")
        if root is None or not self._count(root.id, below):
            known = ", ".join(each.path for each in self._roots.all()) or "none"
            raise LibraryError(
                f"the library knows nothing at or below {old}", f"its folders: {known}"
            )
        target, prefix = self._target(root, new)
        if self._has_files(target.id, prefix.rstrip("/")):
            raise _conflict(old, new)
        next_generation(self._db)
        first, past = text(f"{below}/"), text(below) + PAST_BELOW
        for table, columns in (("files", ("path",)), ("sidecars", ("path", "beside"))):
            put = ", ".join(
                f"{column} = CAST(? AS TEXT) || CAST(substr(CAST({column} AS BLOB), ?) AS TEXT)"
                for column in columns
            )
            self._db.rows(
                f"UPDATE {table} SET root_id = ?, {put} WHERE root_id = ?"
                " AND path > CAST(? AS TEXT) AND path < CAST(? AS TEXT)",
                (
                    target.id,
                    *((text(prefix), len(first) + 1) * len(columns)),
                    root.id,
                    first,
                    past,
                ),
            )
        if target.id != root.id:
            self._move_excludes(root, target, below)
        self._refresh_names(target.id)
        return MovedFolder(old, new, self._count(target.id, prefix.rstrip("/")))

    def _target(self, root: Root, new: str) -> tuple[Root, str]:
        """Return the root that a part of `root` goes to, and what comes before its files there."""
        known = self._roots.all()
        home = root_of(known, new)
        if home is not None and home.id == root.id and new != root.path:
            return root, relative(root, new).replace(os.sep, "/") + "/"
        if any(other.path == new for other in known):
            raise _conflict(root.path, new)
        target = self._roots.add(new, whole=root.whole)
        self._roots.set_missing(target, missing=not os.path.isdir(new))
        return target, ""

    def _move_examples(self, old: str, new: str) -> None:
        """Change the paths of concepts' examples that are not in the library."""
        rows = self._db.rows("SELECT DISTINCT example FROM concept_examples").fetchall()
        for (example,) in rows:
            path = None if example.startswith("#") else moved_path(example, old, new)
            if path is not None:
                self._db.rows(
                    "UPDATE OR REPLACE concept_examples SET example = CAST(? AS TEXT)"
                    " WHERE example = CAST(? AS TEXT)",
                    (text(path), text(example)),
                )

    def _move_excludes(self, root: Root, target: Root, below: str) -> None:
        """Give the new root the patterns that hold below it; general ones hold in both."""
        own = anchored(below) + "/"
        for source in ("user", "remove"):
            for pattern in self._roots.excludes(root, source):
                if pattern.startswith(own):
                    self._roots.include(root, source, pattern)
                    self._roots.exclude(target, [f"/{pattern.removeprefix(own)}"], source)
                elif not pattern.startswith("/"):
                    self._roots.exclude(target, [pattern], source)

    def _check_places(self, changed: set[str]) -> None:
        """Raise LibraryError if a root holds files at the place of another one below it."""
        roots = self._roots.all()
        for lower in roots:
            for upper in roots:
                if not is_below(lower.path, upper.path) or not {lower.path, upper.path} & changed:
                    continue
                below = relative(upper, lower.path).replace(os.sep, "/")
                if self._has_files(upper.id, below):
                    raise _conflict(lower.path, upper.path)

    def _has_files(self, root_id: int, below: str) -> bool:
        condition, values = within(below)
        found = self._db.one(
            f"SELECT 1 FROM files f WHERE f.root_id = ? AND {condition} LIMIT 1",
            (root_id, *values),
        )
        return found is not None

    def _count(self, root_id: int, below: str = "") -> int:
        """Count the files below (not at) a relative path."""
        condition, values = within(below)
        count = self._db.one(
            f"SELECT count(*) FROM files f WHERE f.root_id = ? AND {condition}"
            " AND f.path != CAST(? AS TEXT)",
            (root_id, *values, text(below)),
        )
        return int(count)

    def _refresh_names(self, root_id: int) -> None:
        """Let the next run collect texts again, because names of folders are among them."""
        self._db.rows(
            "INSERT OR IGNORE INTO retell SELECT DISTINCT image_id FROM files"
            " WHERE root_id = ? AND image_id IS NOT NULL",
            (root_id,),
        )


def moved_path(path: str, old: str, new: str) -> str | None:
    """Return the new path of one at or below `old`; None for other paths."""
    rest = _below(path, old)
    return None if rest is None else _joined(new, rest)


def _below(path: str, folder: str) -> tuple[str, ...] | None:
    """Return the names of a path below a folder; () for the folder, None for other paths."""
    flavour = PureWindowsPath if is_windows_path(folder) else PurePosixPath
    parts, above = _parts(flavour(path)), _parts(flavour(folder))
    if parts[: len(above)] != above:
        return None
    return flavour(path).parts[len(above) :]


def _parts(path: PurePath) -> list[str]:
    """Return the names of a path in a form to compare; Windows ignores their case."""
    names = [as_read(name) for name in path.parts]
    return [name.lower() for name in names] if isinstance(path, PureWindowsPath) else names


def is_windows_path(path: str) -> bool:
    """Tell whether a path is an absolute one of Windows: of a drive, or of a share."""
    return path[1:3] in (":\\", ":/") or path.startswith("\\\\")


def _joined(folder: str, names: tuple[str, ...]) -> str:
    if is_windows_path(folder):
        return ntpath.join(folder, *names)
    return os.path.join(folder, *names)


def _conflict(first: str, second: str) -> LibraryError:
    return LibraryError(
        f"files of {first} and of {second} would get the same place",
        "remove one of the two folders from the library first: pixtrieve remove "
        f"{shlex.quote(second)}",
    )
