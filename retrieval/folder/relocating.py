"""Tells a library that its pictures are at another path, without reading a picture."""

from __future__ import annotations

import json
import os
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from retrieval.catalogue import Catalogue
from retrieval.catalogue.relocation import (
    MovedFolder,
    Relocation,
    is_windows_path,
    moved_path,
)
from retrieval.errors import LibraryError
from retrieval.query.spelling import absolute
from retrieval.whole_file import open_regular, require_inside, whole_file

_LOGS = "moves"
_PATHS = ("root", "from", "to")
"""What is a path in a line of a log of moved duplicates: see `retrieval.duplicates.moving`."""

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

    The logs of moved duplicates change, too, so that an undo finds the files.

    Either may be a path of Windows on another system ("D:", "D:/Pictures"). `dry_run` changes
    nothing. Raises LibraryError as `Relocation.move` does, LibraryBusy when another process is
    writing.
    """
    before, after = _absolute(old), _absolute(new)
    if before == after:
        raise LibraryError(f"{before} is the old and the new path", "name two different paths")
    relocation = catalogue.relocation()
    with writer, catalogue.trying() if dry_run else catalogue.writing():
        moved = tuple(relocation.move(before, after))
        if not dry_run:  # before the catalogue: a run that ends here is repeated
            _move_in_logs(os.path.dirname(catalogue.path), before, after)
        return _counted(relocation, moved)


def _move_in_logs(folder: str, old: str, new: str) -> None:
    place = os.path.join(folder, _LOGS)
    if not os.path.isdir(place):
        return
    try:
        require_inside(folder, place)
        for name in sorted(os.listdir(place)):
            path = os.path.join(place, name)
            with open_regular(path) as log:
                lines = log.read().split(b"\n")
            changed = [_moved_line(line, old, new) for line in lines]
            if changed != lines:
                with whole_file(path) as log:
                    log.write(b"\n".join(changed))
    except OSError as error:
        raise LibraryError(
            f"the logs of moved files in {place} cannot be changed: {error.strerror or error}",
            "check the permissions of the folder, and run the command again",
        ) from error


def _moved_line(line: bytes, old: str, new: str) -> bytes:
    """Return a line of a log with its new paths; one that a crash cut short stays as it is."""
    try:
        facts: Any = json.loads(line)
    except ValueError:
        return line
    paths = {name: facts.get(name) for name in _PATHS} if isinstance(facts, dict) else {}
    found = {
        name: moved
        for name, path in paths.items()
        if isinstance(path, str) and (moved := moved_path(path, old, new)) is not None
    }
    return json.dumps({**facts, **found}).encode("ascii") if found else line


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
