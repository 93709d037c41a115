"""Places of pictures that are no files of their own: in archives, in object storage, on the web.

A place is written like a path: `/data/a.tar/cats/1.jpg`, `s3://bucket/cats/1.jpg`,
`s3://bucket/a.tar/cats/1.jpg`, `/data/b.parquet/000000012`, `https://example.com/1.jpg`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from retrieval.query.spelling import is_address

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ZIPS = (".zip",)
PARQUETS = (".parquet",)
ARCHIVES = (*TARS, *ZIPS, *PARQUETS)

WEB = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class Place:
    """A picture in an archive: the archive's path or address, and the member's name in it."""

    archive: str
    member: str


def is_archive(path: str) -> bool:
    """Tell by its name whether a path is that of an archive with pictures (or once was)."""
    return path.lower().endswith(ARCHIVES) and not os.path.isdir(path)


def archive_ending(name: str) -> str:
    """Return the ending of an archive's name, as it is written; "" for other names."""
    lower = name.lower()
    ending = next((each for each in ARCHIVES if lower.endswith(each)), "")
    return name[len(name) - len(ending) :]


def is_elsewhere(path: str) -> bool:
    """Tell whether a path is an address, an archive, or a place in one; none is a folder here."""
    return is_address(path) or is_archive(path) or place_in(path) is not None


def place_in(path: str) -> Place | None:
    """Split a path at the archive in it; None if there is none, or if it is a folder on disk."""
    lower = path.lower()
    if not any(f"{ending}/" in lower for ending in ARCHIVES):
        return None
    end = 0
    while (end := path.find("/", end + 1)) >= 0:
        if is_archive(path[:end]) and end + 1 < len(path):
            return Place(path[:end], path[end + 1 :])
    return None


def container_of(path: str) -> str:
    """Return the file that holds a picture: the archive around it, or the path itself."""
    place = place_in(path)
    return path if place is None else place.archive


def uri_of(path: str) -> str:
    """Return what opens a picture in a browser: its address, or the URI of the file it is in."""
    return path if is_address(path) else Path(container_of(path)).as_uri()


def joined(root: str, path: str) -> str:
    """Return a place below a root, which may be a folder, an archive or an address."""
    if is_address(root):
        return f"{root.removesuffix('/')}/{path}"
    return os.path.join(root, *path.split("/"))
