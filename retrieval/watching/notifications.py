"""Notifications of the system about changes in folders.

`watchfiles` (extra `watch`) reads them from inotify, FSEvents or ReadDirectoryChangesW. Each folder
is passed to it by itself. Its recursive mode would stop silently at the first unreadable folder
(every drive has a `lost+found`) or at the system's limit, and would also watch excluded folders.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Generator, Iterable
from typing import TYPE_CHECKING, TypeAlias

from retrieval.errors import MissingExtra

if TYPE_CHECKING:
    from watchfiles.main import FileChange

    _Channel: TypeAlias = Generator[set[FileChange], None, None]

_WAIT_MS = 200
"""How long `wait_for_changes` waits for a change."""

_STEP_MS = 50

_TRIES = 5
"""Attempts to watch folders of which some disappear at that moment."""

_LIMIT = "watch limit reached"
_TOO_MANY = ("os error 24", "Errno 24", "Too many open files")


class NotificationsUnavailable(Exception):
    """The system reports no changes, or not all; says why, and what to do about it."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


class EventsLost(Exception):
    """Changes were lost, or a watched folder is gone; the watch must start over."""


def require_watchfiles() -> None:
    """Raise MissingExtra when `watchfiles` is not installed."""
    try:
        import watchfiles  # noqa: F401
    except ImportError as error:
        raise MissingExtra("watchfiles", "watch", "watching folders") from error


class Notifier:
    """Reports changes directly in the folders that it watches; use it from one thread.

    Changes between two calls are kept for the next one.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._watched: dict[str, tuple[int, int]] = {}
        self._added: set[str] = set()
        # One channel for the first folders, and one, replaced each time, for those added later:
        # the system allows each user only a small number of channels.
        self._channels: list[_Channel] = []
        self._buffered: set[str] = set()

    def watch(self, folders: Iterable[str]) -> None:
        """Watch more folders; those that do not exist are skipped.

        Raises NotificationsUnavailable when the system cannot watch all of them; EventsLost when
        one disappears meanwhile.
        """
        identities = ((folder, folder_identity(folder)) for folder in folders)
        new = {f: known for f, known in identities if known and known != self._watched.get(f)}
        unencodable = {folder for folder in new if not _is_utf8(folder)}
        self._watched.update(new)
        self._open(new.keys() - unencodable)
        if unencodable:
            raise NotificationsUnavailable(
                "the system cannot report changes in folders whose names are not UTF-8"
            )

    def wait_for_changes(self) -> set[str]:
        """Wait a moment; return the absolute paths that changed. Raises EventsLost if unsure."""
        changed, self._buffered = self._buffered, set()
        if not self._channels:
            self._stop.wait(_WAIT_MS / 1000)
        for channel in self._channels:
            changed |= self._read(channel)
        return changed

    def close(self) -> None:
        """Stop watching."""
        for channel in self._channels:
            channel.close()
        self._channels = []

    def _open(self, folders: Collection[str]) -> None:
        if not folders:
            return
        if self._channels:
            self._added |= set(folders)
            folders = self._added
        self._channels.append(self._start(folders))
        if len(self._channels) > 2:  # the new channel is open by now, so no change is missed
            before = self._channels.pop(1)
            self._buffered |= self._read(before)
            before.close()

    def _start(self, folders: Collection[str]) -> _Channel:
        for _ in range(_TRIES):
            there = [folder for folder in folders if os.path.isdir(folder)]
            channel = _channel(there, self._stop)
            try:
                self._buffered |= self._next_changes(channel)
            except FileNotFoundError:
                continue
            except (OSError, RuntimeError) as error:
                raise _unavailable(error) from error
            return channel
        raise EventsLost("folders keep disappearing")

    def _read(self, channel: _Channel) -> set[str]:
        try:
            return self._next_changes(channel)
        except (OSError, RuntimeError) as error:
            raise EventsLost(str(error)) from error

    def _next_changes(self, channel: _Channel) -> set[str]:
        from watchfiles import Change

        changes = next(channel, set())
        for change, path in changes:
            if change == Change.deleted:  # a new folder of that name needs a new watch
                self._watched.pop(path, None)
        return {path for _, path in changes}


def _channel(folders: Collection[str], stop: threading.Event) -> _Channel:
    from watchfiles import watch

    return watch(
        *sorted(folders),
        watch_filter=None,
        debounce=_WAIT_MS,
        step=_STEP_MS,
        stop_event=stop,
        rust_timeout=_WAIT_MS,
        yield_on_timeout=True,
        force_polling=False,
        recursive=False,
        ignore_permission_denied=False,
    )


def _unavailable(error: Exception) -> NotificationsUnavailable:
    text = str(error)
    if _LIMIT in text:
        return NotificationsUnavailable(
            "the system's limit on watched folders is reached",
            "raise the limit and start again: sudo sysctl fs.inotify.max_user_watches=1048576",
        )
    if any(sign in text for sign in _TOO_MANY):
        return NotificationsUnavailable(
            "too many programs watch folders, or too many files are open",
            "raise the limit and start again: sudo sysctl fs.inotify.max_user_instances=1024",
        )
    return NotificationsUnavailable(f"the system cannot watch these folders ({text})")


def folder_identity(folder: str) -> tuple[int, int] | None:
    """Return a folder's device and inode, None when it does not exist."""
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_utf8(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
