"""Roots in memory, for a run that looks up and makes thousands of them."""

from __future__ import annotations

import os
from bisect import bisect_left, insort
from collections.abc import Iterable

from retrieval.catalogue.roots import Root, is_below


class KnownRoots:
    """All roots of a catalogue, while nobody else changes them; a look-up takes no scan."""

    def __init__(self, roots: Iterable[Root]) -> None:
        self._whole: dict[str, Root] = {}
        self._single: dict[str, Root] = {}
        self._ordered: list[str] = []  # the paths of single files' roots
        for root in roots:
            self.put(root)

    def put(self, root: Root) -> None:
        """Add a root, or replace the one at its path."""
        key = root.path.rstrip(os.sep)
        self.forget(root)
        if root.whole:
            self._whole[key] = root
        else:
            self._single[key] = root
            insort(self._ordered, key)

    def forget(self, root: Root) -> None:
        """Leave out a root that was deleted."""
        key = root.path.rstrip(os.sep)
        self._whole.pop(key, None)
        if self._single.pop(key, None) is not None:
            del self._ordered[bisect_left(self._ordered, key)]

    def whole_at_or_above(self, path: str) -> Root | None:
        """Return the deepest root at or above a path that is indexed whole, or None."""
        return next((self._whole[key] for key in _above(path) if key in self._whole), None)

    def single_around(self, path: str) -> list[Root]:
        """Return the roots of single files above a path and below it."""
        above = [self._single[key] for key in _above(path) if key in self._single]
        found = [root for root in above if is_below(path, root.path)]
        prefix = path.rstrip(os.sep) + os.sep
        for key in self._ordered[bisect_left(self._ordered, prefix) :]:
            if not key.startswith(prefix):
                break
            found.append(self._single[key])
        return found


def _above(path: str) -> Iterable[str]:
    """Yield a path and those above it, the deepest first, each without a slash at its end."""
    end = len(path.rstrip(os.sep))
    while end >= 0:
        yield path[:end].rstrip(os.sep)
        end = path.rfind(os.sep, 0, end)
