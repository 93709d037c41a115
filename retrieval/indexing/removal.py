"""Removes files and folders from a library."""

from __future__ import annotations

from retrieval.catalogue import Catalogue
from retrieval.catalogue.roots import anchored, is_below, relative, root_of
from retrieval.errors import LibraryError


def remove_path(catalogue: Catalogue, target: str) -> int:
    """Delete the files at or below an absolute path, with their vectors; return their number.

    What lies below a root that stays is excluded from it; otherwise the next walk would find it
    again. Raises LibraryError, and changes nothing, when the library has nothing at that path.
    """
    roots = catalogue.roots
    removed, known = 0, False
    with catalogue.writing():
        spellings = catalogue.spellings().of(target)
        target = next((path for path in spellings if _is_known(catalogue, path)), target)
        orphans = catalogue.contents.orphans()
        for root in roots.all():
            if root.path == target or is_below(root.path, target):
                removed += catalogue.contents.forget_files(root, "")
                roots.delete(root)
                known = True
        above = root_of(roots.all(), target)
        if above is not None:
            below = relative(above, target)
            gone = catalogue.contents.forget_files(above, below)
            removed, known = removed + gone, known or gone > 0
            if known and above.whole:
                roots.exclude(above, [anchored(below)], "remove")
            elif gone and not any(catalogue.lookup.files_in(above.id)):
                roots.delete(above)
        if not known:
            raise LibraryError(
                f"nothing at or below {target} is in the library",
                "to see what is in it: pixtrieve status",
            )
        # Older orphans stay: their files may be on the way to another folder.
        catalogue.contents.delete_images(catalogue.contents.orphans() - orphans)
        catalogue.contents.outdate_caches()
    return removed


def _is_known(catalogue: Catalogue, path: str) -> bool:
    roots = catalogue.roots.all()
    if any(root.path == path or is_below(root.path, path) for root in roots):
        return True
    above = root_of(roots, path)
    return above is not None and any(catalogue.lookup.files_in(above.id, relative(above, path)))
