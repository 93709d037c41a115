"""Following what changes in the folders of a library: the same diff as a re-scan, again and again.

    hear → wait until it is quiet → look at what changed → hear …

Notice is a shortcut, the walk is the truth: roots are looked at as a whole when they are new, come
back or change drives, when the system loses track, and every so often anyway. Nothing here prints:
`Watcher.run` yields records, and goes on until it is stopped.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from retrieval.catalogue import Catalogue, Scope
from retrieval.errors import LibraryBusy, LibraryError, LibraryNotFound, PixtrieveError
from retrieval.indexing.progress import IndexOptions, Progress
from retrieval.watching.affected import AffectedPaths
from retrieval.watching.debounce import Debouncer
from retrieval.watching.root_monitor import RootMonitor

_MOST_RETRY_S = 600.0

_SHARE = 10
"""Looking at whole roots unasked takes no more than this part of the time."""


@dataclass(frozen=True, slots=True)
class WatchTiming:
    """How patient a watch is, in seconds.

    A run begins when nothing has changed for `quiet`, or `at_most` after the first change. Files
    that changed less than `settle` ago, and broken ones that changed less than `broken` ago, wait
    and are looked at `again` later. Every `around` roots and drives are compared with what they
    were. While another process writes it is tried again after `busy`, after an error after `retry`,
    which doubles. Whole roots are looked at every `whole`; every `remote` where other machines may
    change them unheard, every `deaf` when the system tells nothing; or every `poll`, if given.
    """

    quiet: float = 1.0
    at_most: float = 60.0
    settle: float = 1.0
    broken: float = 30.0
    again: float = 3.0
    around: float = 2.0
    busy: float = 3.0
    retry: float = 5.0
    whole: float = 3600.0
    remote: float = 300.0
    deaf: float = 60.0
    poll: float | None = None

    def settled(self, options: IndexOptions) -> IndexOptions:
        """Return options with which files that may still be being written wait."""
        return replace(options, settle_s=self.settle, settle_broken_s=self.broken)


@dataclass(frozen=True, slots=True)
class WatchControl:
    """How a watch is told things from other threads.

    `stop` ends it, after the batch in flight; `halt` ends the run in flight, and the watch goes on;
    `look` has everything looked at now.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    halt: threading.Event = field(default_factory=threading.Event)
    look: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Watching:
    """From now on the roots in `folders` are followed; those in `absent` when they come back.

    Of changes in `unheard` the system may tell nothing: they are looked at every so many seconds.
    `reason` says why that is so, if it is not for being another machine's; `hint` what to do.
    """

    folders: tuple[str, ...]
    absent: tuple[str, ...] = ()
    unheard: tuple[tuple[str, float], ...] = ()
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Delayed:
    """A run could not begin, or not go on; what changed is kept, and tried again in `seconds`.

    None means that the watch has ended.
    """

    error: PixtrieveError
    seconds: float | None


WatchEvent = Progress | Watching | Delayed

First = Callable[[threading.Event], Iterator[Progress]]
Look = Callable[[Callable[[], list[Scope]], threading.Event], Iterator[Progress]]
"""Runs over the scopes that it is given once it holds the library; the event ends the run."""


class Watcher:
    """One watch over a library: `first` is run to begin with, `look` whenever something changed.

    And once over everything: what `first` found may have changed before it was listened to.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        first: First | None,
        look: Look,
        pace: WatchTiming,
        steering: WatchControl,
    ) -> None:
        self._catalogue, self._pace, self._steering = catalogue, pace, steering
        self._first, self._look = first, look
        self._ends_run = _Either(steering.stop, steering.halt)
        self._lookout = RootMonitor(steering.stop)
        self._gathered = Debouncer(pace.quiet, pace.at_most)
        self._territory = AffectedPaths.read(catalogue)
        self._version = -1
        self._looked: dict[str, tuple[float, float]] = {}  # when a root was, and how long it took
        self._said: Watching | None = None
        self._next_around = self._not_before = 0.0
        self._failures = 0

    def run(self) -> Iterator[WatchEvent]:
        """Follow until stopped.

        What goes wrong in the first run is raised, LibraryBusy apart; LibraryNotFound is raised
        when the library itself is gone.
        """
        try:
            yield from self._begin()
            while not self._steering.stop.is_set():
                yield from self._look_around()
                self._listen()
                yield from self._work()
        finally:
            self._lookout.close()

    def _begin(self) -> Iterator[WatchEvent]:
        while self._first is not None and not self._steering.stop.is_set():
            try:
                for progress in self._first(self._ends_run):
                    yield progress
            except LibraryBusy as error:
                yield Delayed(error, self._pace.busy)
                self._steering.stop.wait(self._pace.busy)
            else:
                self._gathered.keep(progress.waiting, time.monotonic() + self._pace.again)
                return

    def _look_around(self) -> Iterator[WatchEvent]:
        """Follow roots that came or went, by the catalogue or on disk."""
        now = time.monotonic()
        if now < self._next_around:
            return
        self._next_around = now + self._pace.around
        if not os.path.isfile(self._catalogue.path):
            raise LibraryNotFound(
                f"the library {os.path.dirname(self._catalogue.path)} no longer exists",
                "restore it, or make a new one with: pixtrieve index FOLDER-OF-PICTURES",
            )
        version = self._catalogue.version()
        if version != self._version:
            self._territory, self._version = AffectedPaths.read(self._catalogue), version
        self._gathered.keep(self._lookout.turn_to(self._territory), now)
        watching = self._standing()
        if watching != self._said:
            self._said = watching
            yield watching

    def _standing(self) -> Watching:
        deaf = self._lookout.deaf
        paths = tuple(root.path for root in self._territory.roots)
        absent = tuple(root.path for root in self._territory.roots if root.missing)
        unheard = tuple(
            (path, self._period(path))
            for path in paths
            if deaf is not None or self._lookout.is_remote(path)
        )
        if deaf is None:
            return Watching(paths, absent, unheard)
        return Watching(paths, absent, unheard, deaf.reason, deaf.hint)

    def _listen(self) -> None:
        self._gathered.hear(self._lookout.listen(self._territory), time.monotonic())

    def _work(self) -> Iterator[WatchEvent]:
        """Look at what changed, if it is time to."""
        now = time.monotonic()
        asked = self._steering.look.is_set()
        if now < self._not_before and not asked:
            return
        self._steering.look.clear()
        paths = self._gathered.take(now)
        paths |= {root.path for root in self._territory.roots if asked or self._is_due(root.path)}
        if paths:
            yield from self._attempt(paths)
        elif asked and self._said is not None:
            yield self._said  # whoever asked waits for some answer

    def _attempt(self, paths: set[str]) -> Iterator[WatchEvent]:
        began, last = time.monotonic(), None
        self._steering.halt.clear()
        try:
            for last in self._look(lambda: self._scopes(paths), self._ends_run):
                yield last
        except LibraryBusy as error:
            yield self._delay(error, paths, self._pace.busy)
        except LibraryNotFound:
            raise
        except Exception as error:  # whatever it is, the next pictures are no worse for it
            seconds = min(self._pace.retry * 2**self._failures, _MOST_RETRY_S)
            self._failures += 1
            yield self._delay(_explained(error), paths, seconds)
        else:
            self._failures = 0
            self._finish(paths, began, last)

    def _scopes(self, paths: set[str]) -> list[Scope]:
        self._territory = AffectedPaths.read(self._catalogue)
        return self._territory.scopes(paths)

    def _finish(self, paths: set[str], began: float, last: Progress | None) -> None:
        now = time.monotonic()
        if last is not None:
            self._gathered.keep(last.waiting, now + self._pace.again)
        for root in self._territory.roots:
            if root.path in paths:
                self._looked[root.path] = now, now - began
        # Single files may have gone, or come.
        self._territory = AffectedPaths.read(self._catalogue)

    def _delay(self, error: PixtrieveError, paths: set[str], seconds: float) -> Delayed:
        self._not_before = time.monotonic() + seconds
        self._gathered.keep(paths, self._not_before)
        return Delayed(error, seconds)

    def _is_due(self, root: str) -> bool:
        if root not in self._looked:
            return False
        looked, took = self._looked[root]
        least = 0.0 if self._pace.poll is not None else took * _SHARE
        return time.monotonic() - looked >= max(self._period(root), least)

    def _period(self, root: str) -> float:
        if self._pace.poll is not None:
            return self._pace.poll
        if self._lookout.deaf is not None:
            return self._pace.deaf
        return self._pace.remote if self._lookout.is_remote(root) else self._pace.whole


class _Either(threading.Event):
    """Set when either of two is."""

    def __init__(self, one: threading.Event, other: threading.Event) -> None:
        super().__init__()
        self._both = one, other

    def is_set(self) -> bool:
        return any(event.is_set() for event in self._both)


def _explained(error: Exception) -> PixtrieveError:
    if isinstance(error, PixtrieveError):
        return error
    return LibraryError(f"{type(error).__name__}: {error}", "finished work is saved")
