"""From the paths a person names to the roots, and the parts of them, that are to be looked at.

A root is a folder that was indexed. Roots may lie within each other (each file belongs to the
deepest): a folder that was once named stays a root of its own, so that an unplugged drive below
an indexed folder is missed, not taken for deleted.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence

from retrieval.catalogue import Catalogue, Root, Scope
from retrieval.errors import LibraryError


def plan_scopes(catalogue: Catalogue, paths: Sequence[str]) -> list[Scope]:
    """Return what to look at for paths, or for all that is known when there are none.

    Folders and files that are new become roots. Raises LibraryError for a path that neither
    exists nor is known; nothing has been changed then.
    """
    absolute = [os.path.abspath(path) for path in paths]
    known = catalogue.roots.all()
    for path in absolute:
        if not os.path.exists(path) and root_of(known, path) is None:
            raise LibraryError(f"{path} does not exist", "check the path; nothing was indexed")
    with catalogue.writing():
        parts = _Parts(catalogue)
        for path in absolute:
            parts.add(path)
        if not paths:
            for root in known:
                parts.add_root(root)
    return parts.scopes()


class _Parts:
    """The files and folders named so far, by root."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._roots: dict[int, Root] = {}
        self._files: dict[int, list[str]] = {}
        self._folders: dict[int, list[str]] = {}

    def add(self, path: str) -> None:
        roots = self._catalogue.roots
        known = roots.all()
        root = root_of(known, path)
        if os.path.isfile(path):
            if root is None:
                root = roots.add(os.path.dirname(path), whole=False)
            self._note(root, self._files, relative(root, path))
            return
        if root is None or (root.path == path and not root.whole and os.path.isdir(path)):
            root = roots.add(path, whole=True)
        self._note(root, self._folders, relative(root, path))
        for nested in known:
            if is_below(nested.path, path):
                if root.whole and not nested.whole:
                    roots.absorb(nested, root, relative(root, nested.path))
                else:
                    self.add_root(nested)

    def add_root(self, root: Root) -> None:
        if root.whole:
            self._note(root, self._folders, "")
        else:
            for file in self._catalogue.lookup.files_in(root.id):
                self._note(root, self._files, file)

    def _note(self, root: Root, parts: dict[int, list[str]], below: str) -> None:
        self._roots[root.id] = root
        parts.setdefault(root.id, []).append(below)
        if below:
            # Named again, what `remove` took out is wanted back.
            self._catalogue.roots.include(root, "remove", glob.escape(below))

    def scopes(self) -> list[Scope]:
        return [self._scope(root) for root in sorted(self._roots.values(), key=lambda r: r.path)]

    def _scope(self, root: Root) -> Scope:
        folders = self._folders.get(root.id, [])
        if "" in folders:
            return Scope(root)
        files = self._files.get(root.id, [])
        return Scope(root, tuple(dict.fromkeys(files)), tuple(dict.fromkeys(folders)))


def root_of(roots: Sequence[Root], path: str) -> Root | None:
    """Return the deepest root that is at or above an absolute path."""
    above = [root for root in roots if path == root.path or is_below(path, root.path)]
    return max(above, key=lambda root: len(root.path), default=None)


def is_below(path: str, folder: str) -> bool:
    """Tell whether an absolute path lies below (not at) an absolute folder."""
    return path != folder and path.startswith(folder.rstrip(os.sep) + os.sep)


def relative(root: Root, path: str) -> str:
    """Return a path relative to its root, "" for the root itself."""
    return "" if path == root.path else os.path.relpath(path, root.path)
