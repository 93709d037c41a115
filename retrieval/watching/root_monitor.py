"""Monitors the roots of a library: which exist, on which drives, and what changes in them.

The system gives no notice when a drive is mounted or unplugged. So the monitor compares the state
of each root with its last one: the folder itself, its drive, and what is mounted below it.
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
from retrieval.watching.notifications import (
    EventsLost,
    NotificationsUnavailable,
    Notifier,
    folder_identity,
)


@dataclass(frozen=True, slots=True)
class _RootState:
    """A root's folders, each with its device and inode, and the drives at and below the root."""

    folders: frozenset[tuple[str, tuple[int, int] | None]]
    mounted: frozenset[tuple[str, str]]


class RootMonitor:
    """Watches the roots of a library; use it from one thread.

    `unavailable` says why some changes go unreported, None when all are reported.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._states: dict[str, _RootState] = {}
        self._notifier = Notifier(stop)
        self.unavailable: NotificationsUnavailable | None = None

    def update(self, affected: AffectedPaths) -> set[str]:
        """Watch the roots as they are now; return those whose state has changed.

        These need a scan, because changes in them were not reported until now.
        """
        mounted = mounts()
        states = {root.path: _state_of(root, affected, mounted) for root in affected.roots}
        changed = {path for path, state in states.items() if state != self._states.get(path)}
        self._states = states
        self._watch(chain.from_iterable(map(affected.folders, changed)))
        return changed

    def wait_for_changes(self, affected: AffectedPaths) -> set[str]:
        """Wait a moment; return the relevant paths that changed. After lost events, start over."""
        try:
            paths = {
                path for path in self._notifier.wait_for_changes() if affected.is_relevant(path)
            }
        except EventsLost:
            self._reset()
            return set()
        new = filter(os.path.isdir, paths)
        self._watch(chain.from_iterable(map(affected.folders, new)))
        return paths

    def is_remote(self, root: str) -> bool:
        """Tell whether other machines may change a root, or a folder below it, without notice."""
        state = self._states.get(root)
        return state is not None and any(is_remote(kind) for _, kind in state.mounted)

    def close(self) -> None:
        """Stop watching."""
        self._notifier.close()

    def _watch(self, folders: Iterable[str]) -> None:
        try:
            self._notifier.watch(folders)
        except NotificationsUnavailable as unavailable:
            self.unavailable = unavailable
        except EventsLost:
            self._reset()

    def _reset(self) -> None:
        """Forget the state of all roots, so that the next update returns all of them."""
        self._notifier.close()
        self._notifier, self._states, self.unavailable = Notifier(self._stop), {}, None


def _state_of(root: Root, affected: AffectedPaths, mounted: Mapping[str, str]) -> _RootState:
    folders = {root.path} if root.whole else affected.single_file_folders(root)
    drives = at_or_below(root.path, mounted)
    identities = ((folder, folder_identity(folder)) for folder in folders)
    return _RootState(frozenset(identities), frozenset(drives.items()))
