"""What the system tells of changes in folders.

`watchfiles` has its word from inotify, FSEvents or ReadDirectoryChangesW; it is the extra `watch`.
Each folder is named to it. What it does below a folder by itself ends, without a word, at the first
one that may not be read (`lost+found` on every drive), or where the system's limit is reached; and
it would listen to what is excluded, too.
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
"""How long `hear` waits for something to happen."""

_STEP_MS = 50

_TRIES = 5
"""So often folders may go while they are about to be listened to."""

_LIMIT = "watch limit reached"
_TOO_MANY = ("os error 24", "Errno 24", "Too many open files")


class NotificationsUnavailable(Exception):
    """The system tells nothing, or not of everything; why, and what to do about it."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


class EventsLost(Exception):
    """Something changed and it is not known what, or a folder went; to be made anew."""


def require_watchfiles() -> None:
    """Raise MissingExtra when `watchfiles` is not installed."""
    try:
        import watchfiles  # noqa: F401
    except ImportError as error:
        raise MissingExtra("watchfiles", "watch", "watching folders") from error


class Notifier:
    """Hears of changes right in the folders that it was told of; to be used from one thread.

    Also while nobody asks: what it heard waits.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._known: dict[str, tuple[int, int]] = {}
        self._late: set[str] = set()
        # One for the folders that were there first, and one, made anew each time, for those that
        # came later: the system gives each user a small number of them.
        self._channels: list[_Channel] = []
        self._heard: set[str] = set()

    def listen_to(self, folders: Iterable[str]) -> None:
        """Hear of folders, too; those that are not there are passed over.

        Raises NotificationsUnavailable when the system cannot, or not of all; EventsLost when one
        goes meanwhile.
        """
        identities = ((folder, _identity(folder)) for folder in folders)
        new = {f: known for f, known in identities if known and known != self._known.get(f)}
        unnamed = {folder for folder in new if not _is_text(folder)}
        self._known.update(new)
        self._open(new.keys() - unnamed)
        if unnamed:
            raise NotificationsUnavailable(
                "the system cannot report changes in folders whose names are not UTF-8"
            )

    def hear(self) -> set[str]:
        """Wait a moment; return the absolute paths that changed since. EventsLost if unsure."""
        heard, self._heard = self._heard, set()
        if not self._channels:
            self._stop.wait(_WAIT_MS / 1000)
        for channel in self._channels:
            heard |= self._asked(channel)
        return heard

    def close(self) -> None:
        """Listen no more."""
        for channel in self._channels:
            channel.close()
        self._channels = []

    def _open(self, folders: Collection[str]) -> None:
        if not folders:
            return
        if self._channels:
            self._late |= set(folders)
            folders = self._late
        self._channels.append(self._begun(folders))
        if len(self._channels) > 2:  # only now, so that nothing falls between
            before = self._channels.pop(1)
            self._heard |= self._asked(before)
            before.close()

    def _begun(self, folders: Collection[str]) -> _Channel:
        for _ in range(_TRIES):
            there = [folder for folder in folders if os.path.isdir(folder)]
            channel = _channel(there, self._stop)
            try:
                self._heard |= self._next(channel)
            except FileNotFoundError:
                continue
            except (OSError, RuntimeError) as error:
                raise _deaf(error) from error
            return channel
        raise EventsLost("folders come and go")

    def _asked(self, channel: _Channel) -> set[str]:
        try:
            return self._next(channel)
        except (OSError, RuntimeError) as error:
            raise EventsLost(str(error)) from error

    def _next(self, channel: _Channel) -> set[str]:
        from watchfiles import Change

        changes = next(channel, set())
        for change, path in changes:
            if change == Change.deleted:  # a folder of that name will be another one
                self._known.pop(path, None)
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


def _deaf(error: Exception) -> NotificationsUnavailable:
    said = str(error)
    if _LIMIT in said:
        return NotificationsUnavailable(
            "the system's limit on watched folders is reached",
            "raise the limit and start again: sudo sysctl fs.inotify.max_user_watches=1048576",
        )
    if any(sign in said for sign in _TOO_MANY):
        return NotificationsUnavailable(
            "too many programs watch folders, or too many files are open",
            "raise the limit and start again: sudo sysctl fs.inotify.max_user_instances=1024",
        )
    return NotificationsUnavailable(f"the system cannot watch these folders ({said})")


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_text(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
