"""Names that a walk skips: hidden files, junk, and the copies in photo libraries."""

from __future__ import annotations

import os
from itertools import pairwise

# Folders of copies, previews and temporary files that systems and programs create among pictures.
# Names that begin with a dot are skipped, too. In lower case.
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
# Apple's photo libraries hold several copies of each picture; only the originals count.
_LIBRARY_SUFFIXES = (".photoslibrary", ".photolibrary", ".aplibrary", ".migratedphotolibrary")
_LIBRARY_ORIGINALS = frozenset({"originals", "masters"})


def is_photo_library(name: str) -> bool:
    """Tell whether a folder is a photo library; a walk enters only its originals."""
    return name.lower().endswith(_LIBRARY_SUFFIXES)


def skips(name: str, in_library: bool) -> bool:
    """Tell whether a walk skips a name: hidden (also AppleDouble's `._x.jpg`), junk or a copy."""
    lower = name.lower()
    return (
        name.startswith(".")
        or lower in _JUNK
        or lower.endswith(_JUNK_SUFFIXES)
        or (in_library and lower not in _LIBRARY_ORIGINALS)
    )


def skips_within(root: str, path: str) -> bool:
    """Tell whether a walk skips a relative path, because of its own name or a folder above it."""
    names = [os.path.basename(os.path.abspath(root)), *path.split("/")]
    return any(skips(name, is_photo_library(parent)) for parent, name in pairwise(names))
