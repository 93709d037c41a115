"""From the paths that a user names to roots and the parts of them to index.

A root is an indexed folder. Roots may be nested; each file belongs to the deepest one. A folder
that was named once stays a root of its own. So when it is an unplugged drive below another
indexed folder, its pictures count as missing, not as deleted.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from retrieval.catalogue import Catalogue, Root
from retrieval.catalogue.known_roots import KnownRoots
from retrieval.catalogue.roots import anchored, is_below, relative, root_of
from retrieval.catalogue.scan import Scope
from retrieval.errors import LibraryError
from retrieval.images.places import is_elsewhere
from retrieval.images.sniffing import may_be_picture
from retrieval.indexing.progress import Trouble
from retrieval.query.spelling import absolute, is_address


def choose_paths(
    paths: Sequence[str], known: Sequence[Root] = ()
) -> tuple[list[str], list[Trouble]]:
    """Return the absolute paths that can be indexed, and those to skip with the reason for each.

    Files that are no pictures are skipped if something is left: a pattern of
    the shell names them with the rest. Raises LibraryError for a path that neither exists nor lies
    in a `known` root, and if nothing is left.
    """
    named = [absolute(path) for path in paths]
    for path in named:
        if not os.path.lexists(path) and not is_address(path) and root_of(known, path) is None:
            raise LibraryError(f"{path} does not exist", "check the path; nothing was indexed")
    reasons = {path: reason for path in named if (reason := _reason_to_skip(path, known))}
    chosen = [path for path in named if path not in reasons]
    if reasons and not chosen:
        path, reason = next(iter(reasons.items()))
        more = f", and none of the {len(reasons)} files named is" if len(reasons) > 1 else ""
        raise LibraryError(f"{path} is {reason}{more}", "nothing was indexed")
    return chosen, [Trouble(path, f"{reason}; skipped") for path, reason in reasons.items()]


def plan_scopes(catalogue: Catalogue, paths: Sequence[str]) -> list[Scope]:
    """Return the scopes to index for absolute paths, or for everything known if there are none.

    New folders and files become roots. The paths must be among those of `choose_paths`.
    """
    with catalogue.writing():
        builder = _ScopeBuilder(catalogue)
        for path in paths:
            builder.add(path)
        if not paths:
            for root in catalogue.roots.all():
                if not root.elsewhere:
                    builder.add_root(root)
    return builder.scopes()


def make_root(
    catalogue: Catalogue, path: str, *, whole: bool, known: KnownRoots | None = None
) -> Root:
    """Make a root; it takes over single files in and below it that belonged to others.

    Within the caller's transaction. `known` are the roots, if the caller has them; they are kept up
    to date.
    """
    roots = catalogue.roots
    known = known or KnownRoots(roots.all())
    root = roots.add(path, whole=whole)
    known.put(root)
    if whole:
        for other in known.single_around(path):
            if is_below(other.path, path):
                roots.merge_into(other, root, relative(root, other.path))
                known.forget(other)
            else:
                roots.split_off(other, root, relative(other, path))
    return root


def _reason_to_skip(path: str, known: Sequence[Root]) -> str:
    """Return what is wrong with an existing path, "" if it can be indexed."""
    if is_elsewhere(path):
        return "no folder, but a data set: use pixtrieve encode and pixtrieve import"
    if os.path.isfile(path):
        return "" if may_be_picture(path) else "not a picture file"
    special = os.path.lexists(path) and not os.path.isdir(path) and root_of(known, path) is None
    return "neither a file nor a folder" if special else ""


class _ScopeBuilder:
    """Collects the files and folders that were named, by root."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known = catalogue.roots.all()
        self._roots: dict[int, Root] = {}
        self._files: dict[int, list[str]] = {}
        self._folders: dict[int, list[str]] = {}

    def add(self, path: str) -> None:
        if os.path.isfile(path):
            root = root_of(self._known, path)
            if root is None:
                root = self._make_root(os.path.dirname(path), whole=False)
            self._note(root, self._files, relative(root, path))
        else:
            self._add_folder(path)

    def _add_folder(self, path: str) -> None:
        root = root_of(self._known, path)
        if os.path.isdir(path):
            # The folder is not part of a root of single files, nor of a root from which the
            # folder above it was removed.
            root = root_of([root for root in self._known if root.whole], path)
            if root is None or self._is_left_out(root, relative(root, path)):
                root = self._make_root(path, whole=True)
        assert root is not None
        self._note(root, self._folders, relative(root, path))
        for nested in self._known:
            if is_below(nested.path, path) and not nested.elsewhere:
                self.add_root(nested)

    def _is_left_out(self, root: Root, below: str) -> bool:
        removed = set(self._catalogue.roots.excludes(root, "remove"))
        above = below
        while above := os.path.dirname(above):
            if anchored(above) in removed:
                return True
        return False

    def _make_root(self, path: str, *, whole: bool) -> Root:
        root = make_root(self._catalogue, path, whole=whole)
        self._known = self._catalogue.roots.all()
        return root

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
            # Naming a path again undoes `remove`.
            self._catalogue.roots.include(root, "remove", anchored(below))

    def scopes(self) -> list[Scope]:
        return [self._scope(root) for root in sorted(self._roots.values(), key=lambda r: r.path)]

    def _scope(self, root: Root) -> Scope:
        folders = self._folders.get(root.id, [])
        if "" in folders:
            return Scope(root)
        files = self._files.get(root.id, [])
        return Scope(root, tuple(dict.fromkeys(files)), tuple(dict.fromkeys(folders)))


def remember_excludes(catalogue: Catalogue, scope: Scope, patterns: Sequence[str]) -> None:
    """Store exclude patterns for a scope.

    Patterns for a whole root replace its earlier ones. Patterns for a folder below a root are
    relative to that folder and are added.
    """
    if not scope.folders:
        catalogue.roots.include(scope.root, "user")
        catalogue.roots.exclude(scope.root, patterns, "user")
    for folder in scope.folders:
        there = anchored(folder)
        for pattern in patterns:
            within = [f"{there}/{pattern.lstrip('/')}"]
            if "/" not in pattern:  # a single name matches at any depth
                within.append(f"{there}/**/{pattern}")
            catalogue.roots.exclude(scope.root, within, "user")
