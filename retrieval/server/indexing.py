"""Indexing from the server: one run at a time, seen from outside; and following what changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from retrieval.errors import LibraryError, PixtrieveError
from retrieval.indexing.progress import Progress
from retrieval.library import Library
from retrieval.watching.watcher import Delayed, WatchControl, WatchEvent, WatchTiming


@dataclass(frozen=True, slots=True)
class RunState:
    """How a run stands: its latest progress, and the error that ended it, if one did.

    `watching` says that the folders are followed: runs begin by themselves.
    """

    running: bool = False
    progress: Progress | None = None
    error: str = ""
    watching: bool = False


@dataclass(frozen=True, slots=True)
class Following:
    """How the library's folders are followed; `told` is given all events, in another thread."""

    pace: WatchTiming
    told: Callable[[WatchEvent], None]


class IndexingRun:
    """Looks again at all that the library knows, in a thread with a library of its own.

    While folders are followed, it is that thread that looks, so that there is one run at a time.
    """

    def __init__(self, open_library: Callable[[], Library]) -> None:
        self._open = open_library
        self._lock = threading.Lock()
        self._steering = WatchControl()
        self._thread: threading.Thread | None = None
        self.state = RunState()

    def start(self) -> bool:
        """Start a run; False when one is going on."""
        with self._lock:
            if self.state.running:
                return False
            if self.state.watching:
                self.state = RunState(running=True, watching=True)
                self._steering.look.set()
                return True
            self._steering.halt.clear()
            self.state = RunState(running=True)
            self._begin(self._run)
            return True

    def follow(self, following: Following) -> None:
        """Follow what changes in the library's folders, from now on."""
        with self._lock:
            self.state = replace(self.state, watching=True)
            self._begin(lambda: self._follow(following))

    def stop(self) -> None:
        """Ask the run to end after the batch in flight."""
        with self._lock:
            if self._steering.look.is_set():  # it has not begun
                self._steering.look.clear()
                self.state = replace(self.state, running=False)
            self._steering.halt.set()

    def close(self) -> None:
        """Stop for good, and wait."""
        self._steering.stop.set()
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def _begin(self, work: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=work, name="indexing")
        self._thread.start()

    def _run(self) -> None:
        last: Progress | None = None
        error = ""
        try:
            with self._open() as library:
                for last in library.iter_index(stop=self._steering.halt):
                    self.state = RunState(running=True, progress=last)
        except PixtrieveError as raised:
            error = _in_words(raised)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        self.state = RunState(running=False, progress=last, error=error)

    def _follow(self, following: Following) -> None:
        told, error = following.told, ""
        try:
            with self._open() as library:
                for event in library.watch(timing=following.pace, control=self._steering):
                    self._note(event)
                    told(event)
        except PixtrieveError as raised:
            told(Delayed(raised, None))
            error = _in_words(raised)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
            told(Delayed(LibraryError(error), None))
        self.state = RunState(running=False, progress=self.state.progress, error=error)

    def _note(self, event: WatchEvent) -> None:
        with self._lock:
            if isinstance(event, Progress):
                running = event.phase != "done" or self._steering.look.is_set()
                self.state = RunState(running, event, watching=True)
            elif isinstance(event, Delayed):
                error = _in_words(event.error)
                self.state = RunState(False, self.state.progress, error, watching=True)
            elif not self._steering.look.is_set():
                self.state = replace(self.state, running=False)


def _in_words(error: PixtrieveError) -> str:
    return f"{error.message}. {error.hint}".strip()
