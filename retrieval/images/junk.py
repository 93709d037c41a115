"""Which names a walk leaves out: hidden ones, junk, and the copies in photo libraries."""

from __future__ import annotations

import os
from itertools import pairwise

# Beside everything whose name begins with a dot: folders of copies, previews and waste that
# systems and programs leave among people's pictures. Compared in lower case.
_JUNK = frozenset(
    {
        "@eadir", "@tmp", "#recycle", "#snapshot", "@recycle", "@recently-snapshot",  # NAS boxes
        "$recycle.bin", "recycler", "system volume information",  # Windows
        "lost+found", "__macosx", "network trash folder", "temporary items",  # Unix, macOS
        "node_modules", "site-packages", "__pycache__",  # software, not pictures
        "captureone", "ipod photo cache",  # previews
    }
)  # fmt: skip
_JUNK_SUFFIXES = (".lrdata",)  # Lightroom's previews
# Apple's libraries hold each picture several times; only the originals count.
_LIBRARY_SUFFIXES = (".photoslibrary", ".photolibrary", ".aplibrary", ".migratedphotolibrary")
_LIBRARY_ORIGINALS = frozenset({"originals", "masters"})


def is_photo_library(name: str) -> bool:
    """Tell whether a folder is a photo program's own, of which only the originals are looked at."""
    return name.lower().endswith(_LIBRARY_SUFFIXES)


def skips(name: str, in_library: bool) -> bool:
    """Whether a name is hidden or junk (AppleDouble files, `._x.jpg`, are hidden by their dot)."""
    lower = name.lower()
    return (
        name.startswith(".")
        or lower in _JUNK
        or lower.endswith(_JUNK_SUFFIXES)
        or (in_library and lower not in _LIBRARY_ORIGINALS)
    )


def skips_within(root: str, path: str) -> bool:
    """Tell whether a relative path lies where no walk goes: hidden, or among junk."""
    names = [os.path.basename(os.path.abspath(root)), *path.split("/")]
    return any(skips(name, is_photo_library(parent)) for parent, name in pairwise(names))
