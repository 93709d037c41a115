"""Taking files and folders out of a library."""

from __future__ import annotations

import glob

from retrieval.catalogue import Catalogue
from retrieval.errors import LibraryError
from retrieval.scopes import is_below, relative, root_of


def remove_path(catalogue: Catalogue, target: str) -> int:
    """Forget the files at or below an absolute path, vectors and all; return how many there were.

    Whatever lies below a root that stays is excluded from it, or the next walk would bring it
    back. Raises LibraryError, and changes nothing, when nothing is known there.
    """
    roots = catalogue.roots
    removed = 0
    with catalogue.writing():
        for root in roots.all():
            if root.path == target or is_below(root.path, target):
                removed += catalogue.contents.forget_files(root, "")
                roots.delete(root)
        above = root_of(roots.all(), target)
        if above is not None:
            below = relative(above, target)
            removed += catalogue.contents.forget_files(above, below)
            if removed and above.whole:
                roots.exclude(above, [glob.escape(below)], "remove")
        if not removed:
            raise LibraryError(
                f"nothing at or below {target} is in the library",
                "see what is with: pixtrieve status",
            )
        catalogue.contents.expire_orphans(older_than_days=0)
    return removed
