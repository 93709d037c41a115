"""Tells a library that its pictures are at another path, without reading a picture."""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass

from retrieval.catalogue import Catalogue
from retrieval.catalogue.relocation import MovedFolder, Relocation, is_windows_path
from retrieval.errors import LibraryError
from retrieval.query.spelling import absolute

_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Relocated:
    """The folders with their old and new paths, their files, and how many of those are there.

    A file is there if the new path has one of the same size.
    """

    folders: tuple[MovedFolder, ...]
    files: int
    found: int


def relocate(
    catalogue: Catalogue,
    writer: AbstractContextManager[None],
    old: str,
    new: str,
    *,
    dry_run: bool = False,
) -> Relocated:
    """Change all paths at and below `old` to ones below `new`, in one transaction.

    Either may be a path of Windows on another system ("D:", "D:/Pictures"). `dry_run` changes
    nothing. Raises LibraryError as `Relocation.move` does, LibraryBusy when another process is
    writing.
    """
    before, after = _absolute(old), _absolute(new)
    if before == after:
        raise LibraryError(f"{before} is the old and the new path", "name two different paths")
    relocation = catalogue.relocation()
    with writer, catalogue.trying() if dry_run else catalogue.writing():
        return _counted(relocation, tuple(relocation.move(before, after)))


def _counted(relocation: Relocation, folders: tuple[MovedFolder, ...]) -> Relocated:
    found = 0
    for folder in folders:
        for path, size in relocation.files(folder.new):
            try:
                found += os.stat(path).st_size == size
            except (OSError, ValueError):
                continue
    return Relocated(folders, sum(folder.files for folder in folders), found)


def _absolute(path: str) -> str:
    """Return an absolute path; one of Windows stays as it is on other systems."""
    if _DRIVE.fullmatch(path):
        path = f"{path}\\"
    return path if is_windows_path(path) and os.name != "nt" else absolute(path)
