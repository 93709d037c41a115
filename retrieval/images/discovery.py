"""The walk that finds pictures in a folder, by name and stat; it opens no file."""

from __future__ import annotations

import os
import posixpath
import stat
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from retrieval.images import (
    SIDECARS,
    Described,
    FoundFile,
    FoundSidecar,
    MountPoint,
    OtherFile,
    Unreadable,
    mtime_ns,
    reasons,
)
from retrieval.images.exported_names import json_names
from retrieval.images.formats import unsupported_reason
from retrieval.images.globs import Exclusions
from retrieval.images.junk import is_photo_library, skips, skips_within
from retrieval.query.spelling import as_read, spellings

Entry = FoundFile | OtherFile | FoundSidecar | Unreadable | MountPoint


def walk(
    root: str, *, below: str = "", exclude: Sequence[str] = (), skip: Collection[str] = ()
) -> Iterator[Entry]:
    """Yield the files under `root`, sidecars of pictures, mount points and unreadable places.

    Files with the extension of a picture are FoundFile, all others that are not empty OtherFile.

    The sidecars of a folder follow its pictures. The walk enters mount points. `skip` are folders,
    relative to the root, that are roots of their own; the walk leaves them out. `below` restricts
    the walk to one folder or one file of the root. All paths are relative to the root, with
    slashes. A walk below skips the same files (hidden, junk, excluded) as a walk of the whole
    root.

    If `below` does not exist but the root does, the walk yields nothing.

    The walk follows links to folders last and visits each real folder once, so a link into the
    same tree changes nothing and a loop ends. A broken link is Unreadable, because its target may
    be on a drive that is not connected. Only regular files count; the walk never opens sockets,
    pipes or devices.
    """
    start = _normalised(below)
    rules = Exclusions(exclude)
    if start and (skips_within(root, start) or rules.excludes_within(start)):
        return
    try:
        status = os.stat(_location(root, start))
    except (FileNotFoundError, NotADirectoryError) as error:
        barrier = _barrier(root, start) if start else None
        if not start or barrier is not None:
            yield barrier or Unreadable("", reasons.of_os_error(error))
        return
    except OSError as error:
        yield Unreadable(start, reasons.of_os_error(error))
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _walk_folders(root, start, rules, frozenset(skip))
    elif not start:
        yield Unreadable("", reasons.NOT_A_FOLDER)
    elif (found := _as_file(start, status)) is not None:
        yield found


def folders(
    root: str, rules: Exclusions, *, below: str = "", skip: Collection[str] = ()
) -> Iterator[str]:
    """Yield the folders that a walk enters, at or below `below`, relative to the root.

    Folders that cannot be listed are left out.
    """
    start = _normalised(below)
    if start and (skips_within(root, start) or rules.excludes_within(start)):
        return
    visited = _Visited()
    waiting, links = [start], deque[str]()
    while waiting or links:
        folder = waiting.pop() if waiting else links.popleft()
        if folder in skip:
            continue
        location = _location(root, folder)
        within = is_photo_library(os.path.basename(location.rstrip("/" + os.sep)))
        with suppress(OSError):
            if not visited.enter(location, folder)[0]:
                continue
            with os.scandir(location) as scan:
                below_it = sorted((entry for entry in scan if entry.is_dir()), key=_by_name)
            yield folder
            for entry in below_it:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if not skips(entry.name, within) and not rules.excludes(path):
                    (links if entry.is_symlink() else waiting).append(path)


def stat_file(root: str, path: str) -> FoundFile | OtherFile | Unreadable | None:
    """Return the stat of one file of a root; None if it is deleted or a walk would not find it.

    Unreadable means that its state is unknown: the root is missing (path ""), a link in its path
    is broken, or the system returned an error.
    """
    path = _normalised(path)
    if not path or skips_within(root, path):
        return None
    try:
        status = os.stat(_location(root, path))
    except (FileNotFoundError, NotADirectoryError):
        return _barrier(root, path)
    except OSError as error:
        return Unreadable(path, reasons.of_os_error(error))
    return _as_file(path, status)


def sidecar_paths(path: str) -> tuple[str, ...]:
    """Return the possible paths of a picture's sidecars, relative to the same folder as `path`."""
    stem = os.path.splitext(path)[0]
    endings = (".txt", ".xmp", ".TXT", ".XMP")
    plain = (base + ending for base in (stem, path) for ending in endings)
    exported = (each for name in spellings(path) for each in json_names(name))
    return tuple(dict.fromkeys(each for name in (*plain, *exported) for each in spellings(name)))


def stat_sidecars(root: str, path: str) -> Iterator[FoundSidecar]:
    """Yield the existing sidecars of one picture file of a root."""
    own = _normalised(path)
    described, seen = Described((own,)), set[tuple[str, int, int]]()
    for candidate in sidecar_paths(own):
        with suppress(OSError):
            status = os.stat(_location(root, candidate))
            # Some file systems find a file by each spelling of its name.
            file = as_read(candidate), status.st_dev, status.st_ino
            sidecar = _as_sidecar(candidate, status, described)
            if sidecar is not None and file not in seen:
                seen.add(file)
                yield sidecar


@dataclass(slots=True)
class _Listing:
    """The content of one folder: entries to yield, folders to enter, links to follow later."""

    found: list[Entry] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def _walk_folders(
    root: str, start: str, rules: Exclusions, skip: frozenset[str]
) -> Iterator[Entry]:
    visited = _Visited()
    folders, links = [start], deque[str]()
    while folders or links:
        folder = folders.pop() if folders else links.popleft()
        if folder in skip:
            continue
        listing = _list(root, folder, rules, visited)
        yield from listing.found
        folders.extend(reversed(listing.folders))
        links.extend(listing.links)


class _Visited:
    """The folders that a walk has entered, each identified independently of its path."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int] | str] = set()
        self._device: dict[str, int] = {}

    def enter(self, location: str, folder: str) -> tuple[bool, bool]:
        """Return whether the folder is new, and whether it is a mount point."""
        status = os.stat(location)
        # Some file systems have no inode numbers.
        identity = (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(location)
        above = self._device.get(posixpath.dirname(folder), status.st_dev)
        self._device[folder] = status.st_dev
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new, status.st_dev != above


def _list(root: str, folder: str, rules: Exclusions, visited: _Visited) -> _Listing:
    """List one folder unless it was visited before; the listing includes errors."""
    listing = _Listing()
    location = _location(root, folder)
    entries: list[os.DirEntry[str]] = []
    try:
        is_new, is_mount_point = visited.enter(location, folder)
        if not is_new:
            return listing
        if is_mount_point:
            listing.found.append(MountPoint(folder))
        with os.scandir(location) as scan:
            entries.extend(scan)
    except OSError as error:
        listing.found.append(Unreadable(folder, reasons.of_os_error(error)))
    entries.sort(key=_by_name)
    within = is_photo_library(os.path.basename(location.rstrip("/" + os.sep)))
    for entry in entries:
        if not skips(entry.name, within):
            _sort_in(listing, entry, f"{folder}/{entry.name}" if folder else entry.name, rules)
    listing.found.extend(_sidecars(entries, folder, listing.found, rules))
    return listing


def _sidecars(
    entries: Sequence[os.DirEntry[str]], folder: str, found: Sequence[Entry], rules: Exclusions
) -> Iterator[FoundSidecar]:
    """Yield the sidecars of one folder's pictures; each costs one stat."""
    candidates = [entry for entry in entries if entry.name.lower().endswith(SIDECARS)]
    if not candidates:
        return
    described = Described(
        each.path
        for each in found
        if isinstance(each, FoundFile | OtherFile) and not each.path.lower().endswith(SIDECARS)
    )
    for entry in candidates:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if described.by(path) and not rules.excludes(path):
            with suppress(OSError):
                sidecar = _as_sidecar(path, entry.stat(), described)
                if sidecar is not None:
                    yield sidecar


def _sort_in(listing: _Listing, entry: os.DirEntry[str], path: str, rules: Exclusions) -> None:
    """Add one entry to the listing. A file costs a stat."""
    if rules.excludes(path):
        return
    try:
        if entry.is_dir():
            (listing.links if entry.is_symlink() else listing.folders).append(path)
        elif (found := _as_file(path, entry.stat())) is not None:
            listing.found.append(found)
    except OSError as error:
        missing = entry.is_symlink() and isinstance(error, FileNotFoundError)
        reason = reasons.BROKEN_LINK if missing else reasons.of_os_error(error)
        listing.found.append(Unreadable(path, reason, link=missing))


def _by_name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _barrier(root: str, path: str) -> Unreadable | None:
    """Return the missing root or broken link that hides a file; None if the file is deleted."""
    try:
        os.stat(root)
    except OSError as error:
        return Unreadable("", reasons.of_os_error(error))
    names = path.split("/")
    for end in range(1, len(names) + 1):
        parent = "/".join(names[:end])
        location = _location(root, parent)
        if os.path.islink(location) and not os.path.exists(location):
            return Unreadable(parent, reasons.BROKEN_LINK, link=True)
    return None


def _as_file(path: str, status: os.stat_result) -> FoundFile | OtherFile | None:
    if not stat.S_ISREG(status.st_mode):
        return None
    unsupported = unsupported_reason(path.rpartition("/")[2])
    if unsupported is not None:
        return FoundFile(path, status.st_size, mtime_ns(status), unsupported)
    return OtherFile(path, status.st_size, mtime_ns(status)) if status.st_size else None


def _as_sidecar(path: str, status: os.stat_result, described: Described) -> FoundSidecar | None:
    if not stat.S_ISREG(status.st_mode):
        return None
    return FoundSidecar(path, status.st_size, mtime_ns(status), described.by(path))


def _location(root: str, path: str) -> str:
    return os.path.join(root, path) if path else root


def _normalised(path: str) -> str:
    plain = posixpath.normpath(path.replace(os.sep, "/")).lstrip("/")
    return "" if plain == "." else plain
