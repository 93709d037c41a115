"""Follows what changes in the folders of a library: the same diff as a rescan, again and again.

    wait for changes → wait until it is quiet → index what changed → wait for changes …

Notifications save time, but only a walk finds everything. So whole roots are scanned when they are
new, come back or move to another drive, when the system loses events, and at regular intervals.
Nothing here prints: `Watcher.run` yields records until it is stopped.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from retrieval.catalogue import Catalogue
from retrieval.catalogue.scan import Scope
from retrieval.errors import LibraryBusy, LibraryError, LibraryNotFound, PixtrieveError
from retrieval.indexing.progress import IndexOptions, Progress
from retrieval.watching.affected import AffectedPaths
from retrieval.watching.debounce import Debouncer
from retrieval.watching.root_monitor import RootMonitor

_MAX_RETRY_S = 600.0

_RESCAN_SHARE = 10
"""Regular scans of whole roots take at most one part in this many of the time."""


@dataclass(frozen=True, slots=True)
class WatchTiming:
    """The timing of a watch, in seconds.

    A run begins when nothing has changed for `quiet`, or `max_wait` after the first change. Files
    that changed less than `settle` ago, and broken ones that changed less than `settle_broken`
    ago, wait for `recheck` before they are read again. Roots and drives are compared with their
    last state every `root_check`. While another process writes, the watch retries after
    `busy_retry`; after an error it retries after `error_retry`, doubled each time. Whole roots are
    scanned every `rescan`; every `remote_rescan` where other machines may change files without
    notice; every `unnotified_rescan` when the system reports no changes; or every `poll`, if set.
    """

    quiet: float = 1.0
    max_wait: float = 60.0
    settle: float = 1.0
    settle_broken: float = 30.0
    recheck: float = 3.0
    root_check: float = 2.0
    busy_retry: float = 3.0
    error_retry: float = 5.0
    rescan: float = 3600.0
    remote_rescan: float = 300.0
    unnotified_rescan: float = 60.0
    poll: float | None = None

    def with_settling(self, options: IndexOptions) -> IndexOptions:
        """Return options under which files that may still be being written wait."""
        return replace(options, settle_s=self.settle, settle_broken_s=self.settle_broken)


@dataclass(frozen=True, slots=True)
class WatchControl:
    """Events that control a watch from other threads.

    `stop` ends the watch after the batch in flight. `stop_run` ends only the run in flight.
    `rescan` starts a scan of everything now.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    stop_run: threading.Event = field(default_factory=threading.Event)
    rescan: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Watching:
    """The watch follows the roots in `folders`, and those in `absent` once they are back.

    The system may not report changes in the folders in `polled`: each is scanned at its interval,
    in seconds. `reason` says why, unless other machines are the reason; `hint` says what to do.
    """

    folders: tuple[str, ...]
    absent: tuple[str, ...] = ()
    polled: tuple[tuple[str, float], ...] = ()
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Delayed:
    """A run could not begin or finish; its changes are kept, and retried after `seconds`.

    None means that the watch has ended.
    """

    error: PixtrieveError
    seconds: float | None


WatchEvent = Progress | Watching | Delayed

InitialRun = Callable[[threading.Event], Iterator[Progress]]
RunScopes = Callable[[Callable[[], list[Scope]], threading.Event], Iterator[Progress]]
"""Indexes the scopes that the callable returns once the lock is held; the event ends the run."""


class Watcher:
    """One watch over a library: `initial_run` begins it, `run_scopes` follows each change.

    A scan of everything follows the initial run, to find changes from before the watch began.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        initial_run: InitialRun | None,
        run_scopes: RunScopes,
        timing: WatchTiming,
        control: WatchControl,
    ) -> None:
        self._catalogue, self._timing, self._control = catalogue, timing, control
        self._initial_run, self._run_scopes = initial_run, run_scopes
        self._run_stop = _AnyEvent(control.stop, control.stop_run)
        self._monitor = RootMonitor(control.stop)
        self._debouncer = Debouncer(timing.quiet, timing.max_wait)
        self._affected = AffectedPaths.read(catalogue)
        self._version = -1
        # By root: when its last scan ended, and how many seconds it took.
        self._last_scans: dict[str, tuple[float, float]] = {}
        self._announced: Watching | None = None
        self._next_check = self._retry_at = 0.0
        self._failures = 0

    def run(self) -> Iterator[WatchEvent]:
        """Follow changes until stopped.

        Raises what the initial run raises, except LibraryBusy; LibraryNotFound when the library
        itself is gone.
        """
        try:
            yield from self._begin()
            while not self._control.stop.is_set():
                yield from self._check_roots()
                self._collect_changes()
                yield from self._index_changes()
        finally:
            self._monitor.close()

    def _begin(self) -> Iterator[WatchEvent]:
        while self._initial_run is not None and not self._control.stop.is_set():
            try:
                for progress in self._initial_run(self._run_stop):
                    yield progress
            except LibraryBusy as error:
                yield Delayed(error, self._timing.busy_retry)
                self._control.stop.wait(self._timing.busy_retry)
            else:
                self._debouncer.schedule(progress.waiting, time.monotonic() + self._timing.recheck)
                return

    def _check_roots(self) -> Iterator[WatchEvent]:
        """Update the watch for roots that came or went, in the catalogue or on disk."""
        now = time.monotonic()
        if now < self._next_check:
            return
        self._next_check = now + self._timing.root_check
        if not os.path.isfile(self._catalogue.path):
            raise LibraryNotFound(
                f"the library {os.path.dirname(self._catalogue.path)} no longer exists",
                "restore it, or make a new one with: pixtrieve index FOLDER-OF-PICTURES",
            )
        version = self._catalogue.version()
        if version != self._version:
            self._affected, self._version = AffectedPaths.read(self._catalogue), version
        self._debouncer.schedule(self._monitor.update(self._affected), now)
        watching = self._status()
        if watching != self._announced:
            self._announced = watching
            yield watching

    def _status(self) -> Watching:
        unavailable = self._monitor.unavailable
        paths = tuple(root.path for root in self._affected.roots)
        absent = tuple(root.path for root in self._affected.roots if root.missing)
        polled = tuple(
            (path, self._period(path))
            for path in paths
            if unavailable is not None or self._monitor.is_remote(path)
        )
        if unavailable is None:
            return Watching(paths, absent, polled)
        return Watching(paths, absent, polled, unavailable.reason, unavailable.hint)

    def _collect_changes(self) -> None:
        self._debouncer.add(self._monitor.wait_for_changes(self._affected), time.monotonic())

    def _index_changes(self) -> Iterator[WatchEvent]:
        """Index what changed, if it is due."""
        now = time.monotonic()
        requested = self._control.rescan.is_set()
        if now < self._retry_at and not requested:
            return
        self._control.rescan.clear()
        paths = self._debouncer.take_due(now)
        paths |= {
            root.path for root in self._affected.roots if requested or self._is_due(root.path)
        }
        if paths:
            yield from self._index(paths)
        elif requested and self._announced is not None:
            yield self._announced  # the request must get an answer

    def _index(self, paths: set[str]) -> Iterator[WatchEvent]:
        started, last = time.monotonic(), None
        self._control.stop_run.clear()
        try:
            for last in self._run_scopes(lambda: self._scopes(paths), self._run_stop):
                yield last
        except LibraryBusy as error:
            yield self._delay(error, paths, self._timing.busy_retry)
        except LibraryNotFound:
            raise
        except Exception as error:  # no error may end the watch
            seconds = min(self._timing.error_retry * 2**self._failures, _MAX_RETRY_S)
            self._failures += 1
            yield self._delay(_as_pixtrieve_error(error), paths, seconds)
        else:
            self._failures = 0
            self._finish(paths, started, last)

    def _scopes(self, paths: set[str]) -> list[Scope]:
        self._affected = AffectedPaths.read(self._catalogue)
        return self._affected.scopes(paths)

    def _finish(self, paths: set[str], started: float, last: Progress | None) -> None:
        now = time.monotonic()
        if last is not None:
            self._debouncer.schedule(last.waiting, now + self._timing.recheck)
        for root in self._affected.roots:
            if root.path in paths:
                self._last_scans[root.path] = now, now - started
        # The set of single files may have changed.
        self._affected = AffectedPaths.read(self._catalogue)

    def _delay(self, error: PixtrieveError, paths: set[str], seconds: float) -> Delayed:
        self._retry_at = time.monotonic() + seconds
        self._debouncer.schedule(paths, self._retry_at)
        return Delayed(error, seconds)

    def _is_due(self, root: str) -> bool:
        if root not in self._last_scans:
            return False
        scanned, took = self._last_scans[root]
        least = 0.0 if self._timing.poll is not None else took * _RESCAN_SHARE
        return time.monotonic() - scanned >= max(self._period(root), least)

    def _period(self, root: str) -> float:
        if self._timing.poll is not None:
            return self._timing.poll
        if self._monitor.unavailable is not None:
            return self._timing.unnotified_rescan
        return self._timing.remote_rescan if self._monitor.is_remote(root) else self._timing.rescan


class _AnyEvent(threading.Event):
    """Set when any of two events is set."""

    def __init__(self, one: threading.Event, other: threading.Event) -> None:
        super().__init__()
        self._both = one, other

    def is_set(self) -> bool:
        return any(event.is_set() for event in self._both)


def _as_pixtrieve_error(error: Exception) -> PixtrieveError:
    if isinstance(error, PixtrieveError):
        return error
    return LibraryError(f"{type(error).__name__}: {error}", "finished work is saved")
