"""Walks one scope into the catalogue's scan; tells deleted files from unreachable ones."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from retrieval.catalogue import Catalogue
from retrieval.catalogue.roots import is_below, relative
from retrieval.catalogue.scan import Scan, Scope
from retrieval.images import FoundFile, FoundSidecar, MountPoint, OtherFile, Unreadable, reasons
from retrieval.images.discovery import Entry, stat_file, stat_sidecars, walk
from retrieval.images.sniffing import is_picture
from retrieval.indexing.progress import Trouble
from retrieval.indexing.still_writing import StillWriting

_PAGE = 1000
_EMPTY = "the folder is empty"


@dataclass(slots=True)
class WalkResult:
    """The result of a walk.

    `root_missing` says why the root could not be read, "" if it could. `missing` lists unplugged
    drives below the root, `unreadable` places that could not be read; the catalogue keeps what it
    knows of both.
    """

    root_missing: str = ""
    missing: list[Trouble] = field(default_factory=list)
    unreadable: list[Trouble] = field(default_factory=list)


def walk_into(
    catalogue: Catalogue,
    scope: Scope,
    scan: Scan,
    stop: threading.Event,
    still_writing: StillWriting,
) -> Generator[int, None, WalkResult]:
    """Fill a scan; yield how many files each step found; return early when `stop` is set.

    Files that may still be being written count neither as found nor as deleted.
    """
    walked = WalkResult()
    page: list[FoundFile] = []
    mounts: set[str] = set()
    found = 0
    for entry in _judged_entries(catalogue, scope, scan, still_writing):
        if stop.is_set():
            return walked
        if isinstance(entry, MountPoint):
            mounts.add(entry.path)
        elif isinstance(entry, FoundSidecar):
            scan.add_sidecar(entry)
        elif isinstance(entry, Unreadable):
            if not entry.path:
                return WalkResult(root_missing=entry.reason)
            scan.leave_alone(entry.path)
            if not entry.link or scan.knows(entry.path):
                walked.unreadable.append(_trouble(scope, entry.path, entry.reason))
        else:
            page.append(entry)
            if len(page) >= _PAGE:
                scan.add(page)
                found += len(page)
                yield len(page)
                page.clear()
    scan.add(page)
    found += len(page)
    yield len(page)
    if not found and scan.known() and _is_empty(scope.root.path):
        return WalkResult(root_missing=_EMPTY)
    _look_for_drives(catalogue, scope, scan, mounts, walked)
    return walked


_Judged = FoundFile | FoundSidecar | Unreadable | MountPoint


def _judged_entries(
    catalogue: Catalogue, scope: Scope, scan: Scan, still_writing: StillWriting
) -> Iterator[_Judged]:
    entries = _pictures_among(_entries(catalogue, scope), scope, scan)
    return _without_unfinished(entries, scope, scan, still_writing)


def _pictures_among(entries: Iterable[Entry], scope: Scope, scan: Scan) -> Iterator[_Judged]:
    """Yield the entries, and of the other files those that are pictures by their first bytes."""
    others: list[OtherFile] = []
    for entry in entries:
        if isinstance(entry, OtherFile):
            others.append(entry)
            if len(others) >= _PAGE:
                yield from _look_into(others, scope, scan)
                others.clear()
        else:
            yield entry
    yield from _look_into(others, scope, scan)


def _look_into(files: Sequence[OtherFile], scope: Scope, scan: Scan) -> Iterator[_Judged]:
    """Yield the pictures among other files; each file is opened once, until it changes."""
    known, unjudged = scan.unjudged(files)
    yield from known
    no_pictures: list[OtherFile] = []
    for file in unjudged:
        try:
            if is_picture(os.path.join(scope.root.path, file.path)):
                yield FoundFile(file.path, file.size, file.mtime_ns)
            else:
                no_pictures.append(file)
        except OSError as error:
            if scan.knows(file.path):
                yield Unreadable(file.path, reasons.of_os_error(error))
    if no_pictures:
        scan.note_no_pictures(no_pictures)


def _without_unfinished(
    entries: Iterable[_Judged], scope: Scope, scan: Scan, still_writing: StillWriting
) -> Iterator[_Judged]:
    """Yield the entries without the files that must wait; the scan keeps what is known of those.

    A file that the user named by itself does not wait: the library knows it only once it is
    recorded.
    """
    for entry in entries:
        if (
            isinstance(entry, FoundFile)
            and scope.root.whole
            and still_writing.must_wait(scope.root.path, entry.path, entry.mtime_ns)
        ):
            scan.leave_alone(entry.path)
        else:
            yield entry


def _entries(catalogue: Catalogue, scope: Scope) -> Iterator[Entry]:
    root = scope.root
    for file in scope.files:
        entry = stat_file(root.path, file)
        if entry is not None:
            yield entry
        if isinstance(entry, FoundFile | OtherFile):
            yield from stat_sidecars(root.path, file)
    if scope.files and not scope.folders:
        return
    excludes = catalogue.roots.excludes(root)
    others = [relative(root, r.path) for r in catalogue.roots.all() if is_below(r.path, root.path)]
    own = os.path.dirname(catalogue.path)
    if is_below(own, root.path):
        others.append(relative(root, own))  # the server's thumbnails are not pictures to index
    for folder in scope.folders or ("",):
        yield from walk(root.path, below=folder, exclude=excludes, skip=others)


def _look_for_drives(
    catalogue: Catalogue, scope: Scope, scan: Scan, mounts: set[str], walked: WalkResult
) -> None:
    """Compare the mount points found with those of the last walk."""
    for path in catalogue.roots.mounts(scope.root):
        if path in mounts or not scan.knows(path):
            continue
        location = os.path.join(scope.root.path, path)
        if not os.path.isdir(location) or _is_empty(location):
            scan.leave_alone(path)
            walked.missing.append(_trouble(scope, path, "the drive is not connected"))
        elif not scope.files and not scope.folders:  # a walk of a part would not have come by
            catalogue.roots.set_mount(scope.root, path, mounted=False)
    for path in mounts:
        catalogue.roots.set_mount(scope.root, path, mounted=True)


def _trouble(scope: Scope, path: str, reason: str) -> Trouble:
    return Trouble(os.path.join(scope.root.path, path), reason)


def _is_empty(folder: str) -> bool:
    """Tell whether a folder has no entries, like the mount point of an unplugged drive.

    An unreadable folder counts as empty: some systems make such mount points unreadable.
    """
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return True
