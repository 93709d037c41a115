"""Moving redundant files aside, and back. Nothing is ever deleted that is not there twice.

Every step is written to a log, and is on the disk, before it is taken. A file is moved by giving it
its second name and then taking the first away; across file systems it is copied, and read back,
before the original goes. So whenever a run ends, every content is at one of two places that the
log names, and `undo` brings it home.

The log is one JSON object a line. The first is {"pixtrieve": "moves"}; then, for each file n, one
of "step" "begin" with "root", "from", "to", "sha256" and "size", and one of "done", or "left" when
it was not moved after all; later "undone".
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
    sync_folder,
    transfer,
)
from retrieval.errors import LibraryError

_HEADER = {"pixtrieve": "moves", "version": 1}


@dataclass(frozen=True, slots=True)
class Moved:
    """A file that is at `target` now and was at `source`."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A file that was not moved, and why, in words for its owner."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Destination:
    """Where redundant files go, and the log of it; `roots` are the indexed folders."""

    folder: str
    log: str
    roots: tuple[str, ...]

    def check(self) -> None:
        """Raise LibraryError for a folder in which the next run would find them again."""
        for root in self.roots:
            real, home = os.path.realpath(self.folder), os.path.realpath(root)
            if real == home or is_below(real, home):
                raise LibraryError(
                    f"{self.folder} lies in the indexed folder {root}: what is moved there would "
                    "be found again",
                    "name a folder outside of it; nothing was moved",
                )


def move_aside(
    groups: Sequence[DuplicateGroup],
    destination: Destination,
    forget: Callable[[DuplicateFile], None],
) -> Iterator[Moved | LeftAlone]:
    """Move the redundant files of groups; yield what became of each.

    A file goes to FOLDER/<name of its root>/<its path there>, with a number where that is taken.
    It is left alone when it, or the file that is kept, is not what was indexed any more. `forget`
    is told of each that was moved. The caller holds the writer's lock. Raises LibraryError when
    the folder or the log cannot be written.
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
            f"what was moved is in the log {destination.log}",
        ) from error


def undo(path: str) -> Iterator[Moved | LeftAlone]:
    """Move back what a log says was moved, the last first; yield what became of each.

    A place that has been taken since is left alone. What is back is noted in the log, so that this
    may be stopped and run again. Raises LibraryError when the file is no such log.
    """
    entries = _entries(path)
    with _Log(path) as log:
        for number, entry in reversed(entries.items()):
            if entry["step"] in ("undone", "left"):
                continue
            try:
                _bring_back(entry)
            except NotMovedError as error:
                yield LeftAlone(entry["to"], str(error))
            except OSError as error:
                yield LeftAlone(entry["to"], f"it cannot be moved: {error.strerror}")
            else:
                log.write({"n": number, "step": "undone"})
                yield Moved(entry["to"], entry["from"])


def _move_group(
    group: DuplicateGroup, folder: str, log: _Log, forget: Callable[[DuplicateFile], None]
) -> Iterator[Moved | LeftAlone]:
    try:
        _require(group.kept)
    except (NotMovedError, OSError) as error:
        for file in group.redundant:
            yield LeftAlone(file.full_path, f"the file to be kept, {group.kept.full_path}: {error}")
        return
    for file in group.redundant:
        source = file.full_path
        target = _free(os.path.join(folder, _name(file.root), *file.path.split("/")))
        number = log.next_number()
        try:
            _require(file)
            if is_same_file(source, group.kept.full_path):
                raise NotMovedError("it is the kept file itself, by another name")  # noqa: TRY301
            places = {"root": file.root, "from": source, "to": target}
            content = {"sha256": file.sha256, "size": file.size}
            log.write({"n": number, "step": "begin", **places, **content})
            transfer(source, target, file.sha256)
        except (NotMovedError, OSError) as error:
            log.write({"n": number, "step": "left"})
            yield LeftAlone(source, str(error))
        else:
            log.write({"n": number, "step": "done"})
            forget(file)
            yield Moved(source, target)


def _require(file: DuplicateFile) -> None:
    """Raise NotMovedError unless the file is what was indexed, below its root, through no link."""
    require_plain(file.root, file.path)
    require_content(file.full_path, file.sha256, file.size)


def is_pending(path: str) -> bool:
    """Tell whether a log has files that may be moved back."""
    return any(entry["step"] not in ("undone", "left") for entry in _entries(path).values())


def _bring_back(entry: dict[str, Any]) -> None:
    source, target, sha256 = entry["from"], entry["to"], entry["sha256"]
    if not os.path.isdir(entry["root"]):
        raise NotMovedError(f"the folder {entry['root']} is not there")
    if os.path.lexists(source):
        if not os.path.lexists(target):
            if entry["step"] == "begin":
                return  # it had not been moved yet
            raise NotMovedError(f"it is not there any more, but {source} is")
        # A run was ended between the two names, or while it copied.
        require_content(source, sha256, entry["size"], what=source)
        require_content(target, sha256, entry["size"])
        os.unlink(target)
        sync_folder(os.path.dirname(target))
        return
    require_content(target, sha256, entry["size"])
    transfer(target, source, sha256)


def _name(root: str) -> str:
    return os.path.basename(root) or "root"


def _free(path: str) -> str:
    """Return the path or, where it is taken, the first free one of "name (2).jpg" and so on."""
    stem, extension = os.path.splitext(path)
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = f"{stem} ({number}){extension}"
    return free


class _Log:
    """A log that is being written; each line is on the disk when `write` returns."""

    def __init__(self, path: str) -> None:
        self._file: BinaryIO = open(path, "ab")  # noqa: SIM115 - it is its own context
        self._count = 0

    def next_number(self) -> int:
        self._count += 1
        return self._count

    def write(self, line: dict[str, Any]) -> None:
        # A line that a crash cut short ends here, and is not taken for a part of this one.
        self._file.write(b"\n" + json.dumps(line).encode("ascii"))
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _entries(path: str) -> dict[int, dict[str, Any]]:
    """Return the files of a log by number, each with its last step."""
    hint = "logs are in the library's folder moves/"
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
            continue  # cut short by a crash: the step that it announced was not taken
        known = known or (isinstance(fact, dict) and fact.get("pixtrieve") == "moves")
        if known and "n" in fact:
            entries.setdefault(fact["n"], {}).update(fact)
    if not known:
        raise LibraryError(f"{path} is no log of moved files", hint)
    return {number: entry for number, entry in entries.items() if "from" in entry}
