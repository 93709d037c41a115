"""Moves redundant files to a folder, and back. Nothing is deleted that does not exist twice.

Every step is on disk in a log before it is taken. A file is moved by a hard link at its new path
and then the removal of the old path. Across file systems it is copied, and the copy is verified,
before the original is removed. So whenever a run ends, every content is at one of two places that
the log names, and `undo` can restore it.

The log has one JSON object per line. The first is {"pixtrieve": "moves"}. Then follow, for each
file n, a line with "step" "begin" and "root", "from", "to", "sha256" and "size", and a line with
"done", or with "left" when the file was not moved; later perhaps one with "undone".
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from retrieval.catalogue.roots import is_below
from retrieval.duplicates.keeping import DuplicateFile, DuplicateGroup
from retrieval.duplicates.transfer import (
    NotMovedError,
    is_same_file,
    require_content,
    require_plain,
    transfer,
)
from retrieval.errors import LibraryError
from retrieval.whole_file import sync_folder

_HEADER = {"pixtrieve": "moves", "version": 1}


@dataclass(frozen=True, slots=True)
class Moved:
    """A file that moved from `source` to `target`."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A file that was not moved, and the reason, for the user."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Destination:
    """The folder for redundant files, and the log; `roots` are the indexed folders."""

    folder: str
    log: str
    roots: tuple[str, ...]

    def check(self) -> None:
        """Raise LibraryError for a folder in which the next run would find the files again."""
        for root in self.roots:
            real, home = os.path.realpath(self.folder), os.path.realpath(root)
            if real == home or is_below(real, home):
                raise LibraryError(
                    f"{self.folder} lies in the indexed folder {root}; the next index would find "
                    "the moved files there",
                    "name a folder outside of it; nothing was moved",
                )


def move_aside(
    groups: Sequence[DuplicateGroup],
    destination: Destination,
    forget: Callable[[DuplicateFile, DuplicateFile], None],
) -> Iterator[Moved | LeftAlone]:
    """Move the redundant files of groups; yield the result for each.

    A file goes to FOLDER/<name of its root>/<its path there>, with a number if that path is taken.
    It stays when it, or the file to keep, differs from what was indexed. `forget` is called for
    each moved file, with the one that is kept. The caller holds the writer's lock. Raises
    LibraryError when the folder or the log cannot be written.
    """
    destination.check()
    try:
        os.makedirs(destination.folder, exist_ok=True)
        os.makedirs(os.path.dirname(destination.log), exist_ok=True)
        with _Log(destination.log) as log:
            log.write(_HEADER)
            sync_folder(os.path.dirname(destination.log))
            for group in groups:
                yield from _move_group(group, destination.folder, log, forget)
    except OSError as error:
        raise LibraryError(
            f"{error.filename or destination.log} cannot be written: {error.strerror}",
            f"moved files are listed in {destination.log}; move them back with: pixtrieve "
            f"duplicates --undo {destination.log}",
        ) from error


def undo(path: str) -> Iterator[Moved | LeftAlone]:
    """Move the files of a log back, the last first; yield the result for each.

    A file stays when its old path is taken. The log records what is back, so an undo may be
    stopped and run again. Raises LibraryError when the file is not a log of moves.
    """
    entries = _entries(path)
    with _Log(path) as log:
        for number, entry in reversed(entries.items()):
            if entry["step"] in ("undone", "left"):
                continue
            try:
                _restore(entry)
            except NotMovedError as error:
                yield LeftAlone(entry["to"], str(error))
            except OSError as error:
                yield LeftAlone(entry["to"], f"the file cannot be moved: {error.strerror}")
            else:
                log.write({"n": number, "step": "undone"})
                yield Moved(entry["to"], entry["from"])


def _move_group(
    group: DuplicateGroup,
    folder: str,
    log: _Log,
    forget: Callable[[DuplicateFile, DuplicateFile], None],
) -> Iterator[Moved | LeftAlone]:
    try:
        _require_indexed(group.kept)
    except (NotMovedError, OSError) as error:
        for file in group.redundant:
            yield LeftAlone(file.full_path, f"the file to keep, {group.kept.full_path}: {error}")
        return
    for file in group.redundant:
        source = file.full_path
        target = _free_path(os.path.join(folder, _folder_name(file.root), *file.path.split("/")))
        number = log.next_number()
        try:
            _require_indexed(file)
            if is_same_file(source, group.kept.full_path):
                raise NotMovedError("it is the same file as the one to keep")  # noqa: TRY301
            places = {"root": file.root, "from": source, "to": target}
            content = {"sha256": file.sha256, "size": file.size}
            log.write({"n": number, "step": "begin", **places, **content})
            transfer(source, target, file.sha256)
        except (NotMovedError, OSError) as error:
            log.write({"n": number, "step": "left"})
            yield LeftAlone(source, str(error))
        else:
            log.write({"n": number, "step": "done"})
            forget(file, group.kept)
            yield Moved(source, target)


def _require_indexed(file: DuplicateFile) -> None:
    """Raise NotMovedError unless the file is as indexed, below its root, and not behind a link."""
    require_plain(file.root, file.path)
    require_content(file.full_path, file.sha256, file.size)


def is_pending(path: str) -> bool:
    """Tell whether a log has files that can be moved back."""
    return any(entry["step"] not in ("undone", "left") for entry in _entries(path).values())


def _restore(entry: dict[str, Any]) -> None:
    source, target, sha256 = entry["from"], entry["to"], entry["sha256"]
    if not os.path.isdir(entry["root"]):
        raise NotMovedError(f"the folder {entry['root']} does not exist")
    if os.path.lexists(source):
        # A run may have ended before the move, between the link and the removal, while it copied,
        # or when the file was back and the log did not say so yet.
        moved = os.path.lexists(target)
        if not moved and entry["step"] == "begin":
            return
        require_content(source, sha256, entry["size"], what=source)
        if not moved:
            return
        require_content(target, sha256, entry["size"])
        os.unlink(target)
        sync_folder(os.path.dirname(target))
        return
    require_content(target, sha256, entry["size"])
    transfer(target, source, sha256)


def _folder_name(root: str) -> str:
    return os.path.basename(root) or "root"


def _free_path(path: str) -> str:
    """Return the path or, if it is taken, the first free one of "name (2).jpg" and so on."""
    stem, extension = os.path.splitext(path)
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = f"{stem} ({number}){extension}"
    return free


class _Log:
    """A log open for writing; each line is on disk when `write` returns."""

    def __init__(self, path: str) -> None:
        self._file: BinaryIO = open(path, "ab")  # noqa: SIM115 - it is its own context
        self._count = 0

    def next_number(self) -> int:
        self._count += 1
        return self._count

    def write(self, line: dict[str, Any]) -> None:
        # The newline separates this line from one that a crash cut short.
        self._file.write(b"\n" + json.dumps(line).encode("ascii"))
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _entries(path: str) -> dict[int, dict[str, Any]]:
    """Return the files of a log by number, each with its last step."""
    hint = "logs are in the folder moves/ of the library"
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except OSError as error:
        raise LibraryError(f"{path} cannot be read: {error.strerror}", hint) from error
    entries: dict[int, dict[str, Any]] = {}
    known = False
    for line in lines:
        try:
            fact = json.loads(line)
        except ValueError:
            continue  # cut short by a crash: the step it announces was not taken
        known = known or (isinstance(fact, dict) and fact.get("pixtrieve") == "moves")
        if known and "n" in fact:
            entries.setdefault(fact["n"], {}).update(fact)
    if not known:
        raise LibraryError(f"{path} is not a log of moved files", hint)
    return {number: entry for number, entry in entries.items() if "from" in entry}
