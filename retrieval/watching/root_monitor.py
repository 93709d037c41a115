"""Where a watch stands: which folders are there, on which drives, and whether it hears of changes.

Drives come and go without notice. So what each root looks like from outside is compared with what
it was: the folder itself, where it lies, and what is mounted in it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from retrieval.catalogue import Root
from retrieval.watching.affected import AffectedPaths
from retrieval.watching.drives import at_or_below, is_remote, mounts
from retrieval.watching.notifications import EventsLost, NotificationsUnavailable, Notifier


@dataclass(frozen=True, slots=True)
class _Sight:
    """A root from outside: its folders, each with what it is to the system, and its drives."""

    folders: frozenset[tuple[str, tuple[int, int] | None]]
    mounted: frozenset[tuple[str, str]]


class RootMonitor:
    """Listens to the roots of a library; to be used from one thread.

    `deaf` says why not all changes are heard of, None when they are.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._sights: dict[str, _Sight] = {}
        self._ears = Notifier(stop)
        self.deaf: NotificationsUnavailable | None = None

    def turn_to(self, territory: AffectedPaths) -> set[str]:
        """Listen to the roots as they are now; return those that are not as they were.

        They are to be looked at, for what happened there until now went unheard.
        """
        mounted = mounts()
        sights = {root.path: _sight(root, territory, mounted) for root in territory.roots}
        changed = {path for path, sight in sights.items() if sight != self._sights.get(path)}
        self._sights = sights
        self._listen_to(chain.from_iterable(map(territory.folders, changed)))
        return changed

    def listen(self, territory: AffectedPaths) -> set[str]:
        """Wait a moment; return the paths that changed and matter. When in doubt, all roots do."""
        try:
            heard = {path for path in self._ears.hear() if territory.concerns(path)}
        except EventsLost:
            self._start_anew()
            return set()
        new = filter(os.path.isdir, heard)
        self._listen_to(chain.from_iterable(map(territory.folders, new)))
        return heard

    def is_remote(self, root: str) -> bool:
        """Tell whether other machines may change a root, or something below it, unheard."""
        sight = self._sights.get(root)
        return sight is not None and any(is_remote(kind) for _, kind in sight.mounted)

    def close(self) -> None:
        """Listen no more."""
        self._ears.close()

    def _listen_to(self, folders: Iterable[str]) -> None:
        try:
            self._ears.listen_to(folders)
        except NotificationsUnavailable as deaf:
            self.deaf = deaf
        except EventsLost:
            self._start_anew()

    def _start_anew(self) -> None:
        """Forget how all roots looked: next time they are new."""
        self._ears.close()
        self._ears, self._sights, self.deaf = Notifier(self._stop), {}, None


def _sight(root: Root, territory: AffectedPaths, mounted: Mapping[str, str]) -> _Sight:
    folders = {root.path} if root.whole else territory.folders_of(root)
    drives = at_or_below(root.path, mounted)
    identities = ((folder, _identity(folder)) for folder in folders)
    return _Sight(frozenset(identities), frozenset(drives.items()))


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino
