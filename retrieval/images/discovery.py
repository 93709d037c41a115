"""Walking a folder for pictures, by names and stat alone: no file is opened."""

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
    FoundFile,
    FoundSidecar,
    MountPoint,
    Unreadable,
    mtime_ns,
    reasons,
)
from retrieval.images.formats import unsupported_reason
from retrieval.images.globs import Exclusions
from retrieval.images.junk import is_photo_library, skips, skips_within

Entry = FoundFile | FoundSidecar | Unreadable | MountPoint


def walk(
    root: str, *, below: str = "", exclude: Sequence[str] = (), skip: Collection[str] = ()
) -> Iterator[Entry]:
    """Yield every picture file under `root`, and every place that could not be looked at.

    The files beside pictures that describe them are named, too, after the pictures of a folder.
    Folders where another file system begins are named, too, and walked. `skip` are folders,
    relative to the root, that are left out for being indexed on their own. `below` restricts the
    walk to one folder, or one file, of the root; paths stay relative to the root, with slashes.
    What a walk of the whole root skips (hidden, junk, excluded) is skipped there as well.

    A `below` that is gone, in a root that is there, yields nothing.

    Links to folders are followed, but after everything that is reached without one, and each real
    folder is visited once: so a link into the same tree changes nothing, and a loop ends. A broken
    link is Unreadable, for it may lead to a folder on a drive that is not plugged in. Only regular
    files count; sockets, pipes and devices are never touched.
    """
    start = _normalised(below)
    rules = Exclusions(exclude)
    if start and (skips_within(root, start) or rules.excludes_within(start)):
        return
    try:
        status = os.stat(_location(root, start))
    except (FileNotFoundError, NotADirectoryError) as error:
        lost = _lost_on_the_way(root, start) if start else None
        if not start or lost is not None:
            yield lost or Unreadable("", reasons.of_os_error(error))
        return
    except OSError as error:
        yield Unreadable(start, reasons.of_os_error(error))
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _walk_folders(root, start, rules, frozenset(skip))
    elif not start:
        yield Unreadable("", reasons.NOT_A_FOLDER)
    elif (found := _as_picture(start, status, _unsupported(start))) is not None:
        yield found


def folders(
    root: str, rules: Exclusions, *, below: str = "", skip: Collection[str] = ()
) -> Iterator[str]:
    """Yield the folders that a walk goes into, at `below` or deeper, relative to the root.

    Those that cannot be looked into are left out.
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


def stat_file(root: str, path: str) -> FoundFile | Unreadable | None:
    """Look at one file of a root; None when it is gone, or is nothing that a walk would find.

    Unreadable means that nothing is known of it: the root is missing (path ""), a link on the way
    is broken, or the system would not say.
    """
    path = _normalised(path)
    if not path or skips_within(root, path):
        return None
    try:
        status = os.stat(_location(root, path))
    except (FileNotFoundError, NotADirectoryError):
        return _lost_on_the_way(root, path)
    except OSError as error:
        return Unreadable(path, reasons.of_os_error(error))
    return _as_picture(path, status, _unsupported(path))


def sidecar_paths(path: str) -> tuple[str, ...]:
    """Return where a picture's sidecars would be, relative as its own path is."""
    stem = os.path.splitext(path)[0]
    return tuple(beside + ending for beside in (stem, path) for ending in SIDECARS)


def stat_sidecars(root: str, path: str) -> Iterator[FoundSidecar]:
    """Look for the sidecars of one picture file of a root."""
    for candidate in sidecar_paths(_normalised(path)):
        with suppress(OSError):
            sidecar = _as_sidecar(candidate, os.stat(_location(root, candidate)))
            if sidecar is not None:
                yield sidecar


@dataclass(slots=True)
class _Listing:
    """What one folder holds: things to yield, folders to go into, links to folders for later."""

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
    """The folders that a walk has been in, by what is the same however they are reached."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int] | str] = set()
        self._device: dict[str, int] = {}

    def enter(self, location: str, folder: str) -> tuple[bool, bool]:
        """Return whether the folder is new, and whether another file system begins there."""
        status = os.stat(location)
        # Some file systems number nothing.
        identity = (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(location)
        above = self._device.get(posixpath.dirname(folder), status.st_dev)
        self._device[folder] = status.st_dev
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new, status.st_dev != above


def _list(root: str, folder: str, rules: Exclusions, visited: _Visited) -> _Listing:
    """List one folder, unless it was visited before; what went wrong is part of the listing."""
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
    """Yield what describes the pictures of one folder; a stat each, none where there are none."""
    candidates = [entry for entry in entries if entry.name.lower().endswith(SIDECARS)]
    if not candidates:
        return
    pictures = {each.path for each in found if isinstance(each, FoundFile)}
    pictures |= {os.path.splitext(path)[0] for path in pictures}
    for entry in candidates:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if path[:-4] in pictures and not rules.excludes(path):
            with suppress(OSError):
                sidecar = _as_sidecar(path, entry.stat())
                if sidecar is not None:
                    yield sidecar


def _sort_in(listing: _Listing, entry: os.DirEntry[str], path: str, rules: Exclusions) -> None:
    """Put one entry where it belongs. A plain file costs one stat, and only if it is a picture."""
    if rules.excludes(path):
        return
    try:
        if entry.is_dir():
            (listing.links if entry.is_symlink() else listing.folders).append(path)
        elif (unsupported := unsupported_reason(entry.name)) is not None or entry.is_symlink():
            found = _as_picture(path, entry.stat(), unsupported)
            if found is not None:
                listing.found.append(found)
    except OSError as error:
        missing = entry.is_symlink() and isinstance(error, FileNotFoundError)
        reason = reasons.BROKEN_LINK if missing else reasons.of_os_error(error)
        listing.found.append(Unreadable(path, reason, link=missing))


def _by_name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _lost_on_the_way(root: str, path: str) -> Unreadable | None:
    """Tell a file that is gone (None) from one behind a missing root or a broken link."""
    try:
        os.stat(root)
    except OSError as error:
        return Unreadable("", reasons.of_os_error(error))
    names = path.split("/")
    for end in range(1, len(names) + 1):
        on_the_way = "/".join(names[:end])
        location = _location(root, on_the_way)
        if os.path.islink(location) and not os.path.exists(location):
            return Unreadable(on_the_way, reasons.BROKEN_LINK, link=True)
    return None


def _unsupported(path: str) -> str | None:
    return unsupported_reason(posixpath.basename(path))


def _as_picture(path: str, status: os.stat_result, unsupported: str | None) -> FoundFile | None:
    if unsupported is None or not stat.S_ISREG(status.st_mode):
        return None
    return FoundFile(path, status.st_size, mtime_ns(status), unsupported)


def _as_sidecar(path: str, status: os.stat_result) -> FoundSidecar | None:
    if not stat.S_ISREG(status.st_mode):
        return None
    return FoundSidecar(path, status.st_size, mtime_ns(status))


def _location(root: str, path: str) -> str:
    return os.path.join(root, path) if path else root


def _normalised(path: str) -> str:
    plain = posixpath.normpath(path.replace(os.sep, "/")).lstrip("/")
    return "" if plain == "." else plain
