"""From changed paths to the parts of roots to index again.

The result equals that of a run over everything, at the cost of the changes alone. Unlike a path
that the user names, a changed path brings nothing back that was excluded or removed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from retrieval.catalogue import Catalogue, Root
from retrieval.catalogue.roots import is_below, relative, root_of
from retrieval.catalogue.scan import Scope
from retrieval.images import SIDECARS, beside, is_json
from retrieval.images.discovery import folders
from retrieval.images.globs import Exclusions
from retrieval.images.junk import skips_within
from retrieval.images.sniffing import may_be_picture
from retrieval.query.spelling import spellings

MAX_PATHS = 1000
"""Above this number of changed paths, their whole roots are walked.

The system's event queue may have overflowed, and a walk is no longer expensive by comparison.
"""


@dataclass(frozen=True, slots=True)
class AffectedPaths:
    """The roots of a library at one moment; `files` holds the paths in roots of single files."""

    catalogue: Catalogue
    roots: tuple[Root, ...]
    files: Mapping[int, frozenset[str]]
    excludes: Mapping[int, Exclusions]

    @classmethod
    def read(cls, catalogue: Catalogue) -> AffectedPaths:
        """Read the roots from the catalogue."""
        with catalogue.reading():
            roots = tuple(root for root in catalogue.roots.all() if not root.elsewhere)
            single = [root for root in roots if not root.whole]
            files = {root.id: frozenset(catalogue.lookup.files_in(root.id)) for root in single}
            excludes = {root.id: Exclusions(catalogue.roots.excludes(root)) for root in roots}
        return cls(catalogue, roots, files, excludes)

    def single_file_folders(self, root: Root) -> set[str]:
        """Return the absolute folders that contain the files of a root of single files."""
        names = self.files.get(root.id, frozenset())
        return {os.path.dirname(os.path.join(root.path, name)) for name in names}

    def folders(self, path: str) -> Iterator[str]:
        """Yield the absolute folders at or below a path in which changes are relevant."""
        root = root_of(self.roots, path)
        if root is None:
            return
        if not root.whole:
            yield from self.single_file_folders(root)
            return
        library = os.path.dirname(self.catalogue.path)
        others = [other.path for other in self.roots] + [library]
        skip = {relative(root, other) for other in others if is_below(other, root.path)}
        for folder in folders(
            root.path, self.excludes[root.id], below=relative(root, path), skip=skip
        ):
            yield os.path.join(root.path, folder) if folder else root.path

    def is_relevant(self, path: str) -> bool:
        """Tell whether indexing a changed absolute path again may have an effect."""
        root = root_of(self.roots, path)
        library = os.path.dirname(self.catalogue.path)
        if root is None or path == library or is_below(path, library):
            return False
        below = relative(root, path).replace(os.sep, "/")
        if not below:
            return True
        if not root.whole:
            return bool(self._pictures_at(root, below))
        if skips_within(root.path, below) or self.excludes[root.id].excludes_within(below):
            return False
        if _is_sidecar(below):
            return bool(self._pictures_at(root, below)) or os.path.isdir(path)
        if os.path.isfile(path):
            return may_be_picture(path) or self._has_files(root, below)
        return os.path.isdir(path) or self._has_files(root, below)

    def scopes(self, paths: Collection[str]) -> list[Scope]:
        """Return the scopes to index for absolute paths; a root's own path means all of it."""
        parts = {root.id: _Part() for root in self.roots}
        links: dict[str, bool] = {}
        many = len(paths) > MAX_PATHS
        for path in filter(self.is_relevant, paths):
            root = root_of(self.roots, path)
            assert root is not None
            below = relative(root, path).replace(os.sep, "/")
            if not below or many or self._is_through_link(root, below, links):
                parts[root.id].whole = True
            else:
                self._add(root, below, path, parts[root.id])
        scopes = (self._scope(root, parts[root.id]) for root in self.roots)
        return [scope for scope in scopes if scope is not None]

    def _add(self, root: Root, below: str, path: str, part: _Part) -> None:
        """Add a path below a root to the files or folders to index."""
        if root.whole and os.path.isdir(path):
            part.folders[below] = None
        elif root.whole and os.path.isfile(path) and not _is_sidecar(below):
            part.files[below] = None
        else:
            # A root of single files has only the files that were named. And a deleted picture
            # may have shared a sidecar with another one.
            part.files.update(dict.fromkeys(self._pictures_at(root, below)))
            if root.whole:
                part.folders[below] = None  # the path may have been a folder

    def _scope(self, root: Root, part: _Part) -> Scope | None:
        if root.whole:
            if part.whole:
                return Scope(root)
            if not part.files and not part.folders:
                return None
            return Scope(root, tuple(part.files), tuple(part.folders))
        files = self.files[root.id] if part.whole else part.files
        return Scope(root, tuple(files)) if files else None

    def _pictures_at(self, root: Root, below: str) -> list[str]:
        """Return the known files that a path is, describes, or shares its sidecars with."""
        base = beside(below) if _is_sidecar(below) else below
        found: list[str] = []
        for named in spellings(base):
            for name in (named, os.path.splitext(named)[0]):
                found += self.catalogue.lookup.beside(root.id, name)
            if is_json(below):
                found += self.catalogue.sidecars.exported(root.id, named)
        return list(dict.fromkeys(found))

    def _has_files(self, root: Root, below: str) -> bool:
        return next(self.catalogue.lookup.files_in(root.id, below), None) is not None

    def _is_through_link(self, root: Root, below: str, links: dict[str, bool]) -> bool:
        """Tell whether a path passes through a link to a folder, so the files may have other paths.

        A walk visits each real folder once, by a path without links if there is one.
        """
        location = root.path
        for name in below.split("/"):
            location = os.path.join(location, name)
            if location not in links:
                links[location] = os.path.islink(location) and os.path.isdir(location)
            if links[location]:
                return True
        return False


@dataclass(slots=True)
class _Part:
    """The part of one root to index, in order: all of it, or some files and folders."""

    whole: bool = False
    files: dict[str, None] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=dict)


def _is_sidecar(path: str) -> bool:
    return path.lower().endswith(SIDECARS)
