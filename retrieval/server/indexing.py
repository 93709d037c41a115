"""Indexing from the server: one run at a time, or a watch that begins runs by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from retrieval.errors import LibraryError, PixtrieveError
from retrieval.indexing.progress import Progress
from retrieval.library import Library
from retrieval.server.jobs import BackgroundJob, in_words
from retrieval.watching.watcher import Delayed, WatchControl, WatchEvent, WatchTiming


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a run stands: its latest progress, and the error that ended it, if one did.

    `watching` says that folders are followed: runs begin by themselves.
    """

    running: bool = False
    progress: Progress | None = None
    error: str = ""
    watching: bool = False


@dataclass(frozen=True, slots=True)
class Following:
    """How the library's folders are followed; `told` is given all events, in another thread."""

    timing: WatchTiming
    told: Callable[[WatchEvent], None]


class IndexingRun:
    """Looks again at all that the library knows, in a thread with a library of its own.

    While folders are followed, it is that thread that looks, so that there is one run at a time.
    """

    def __init__(self, open_library: Callable[[], Library]) -> None:
        self._job: BackgroundJob[RunState] = BackgroundJob("indexing", open_library)
        self._control = WatchControl()
        self._following = False

    @property
    def state(self) -> RunState:
        """Where the run stands; safe in any thread."""
        job = self._job.state
        last = job.progress or RunState()
        error = job.problem
        if not self._following:
            return RunState(job.running, last.progress, error)
        running = job.running and (last.running or self._control.rescan.is_set())
        return RunState(running, last.progress, error or last.error, watching=job.running)

    def start(self) -> bool:
        """Start a run; False when one is under way."""
        if not self.state.watching:
            self._following = False
            return self._job.begin(_look_again)
        if self.state.running:
            return False
        self._control.rescan.set()
        return True

    def follow(self, following: Following) -> None:
        """Follow what changes in the library's folders, from now on."""
        self._following = True
        self._job.begin(lambda library, _stop: self._watch(library, following))

    def stop(self) -> None:
        """Ask the run to end after the batch in flight; a watch goes on."""
        if self._following:
            self._control.rescan.clear()  # it may not have begun
            self._control.stop_run.set()
        else:
            self._job.stop()

    def close(self) -> None:
        """Stop for good, and wait."""
        self._control.stop.set()
        self.stop()
        self._job.close()

    def _watch(self, library: Library, following: Following) -> Iterator[RunState]:
        state = RunState(watching=True)
        try:
            for event in library.watch(timing=following.timing, control=self._control):
                if isinstance(event, Progress):
                    state = RunState(event.phase != "done", event, watching=True)
                elif isinstance(event, Delayed):
                    words = in_words(event.error.message, event.error.hint)
                    state = RunState(False, state.progress, words, watching=True)
                else:
                    state = replace(state, running=False)
                yield state
                following.told(event)
        except PixtrieveError as error:
            following.told(Delayed(error, None))
            raise
        except Exception as error:
            following.told(Delayed(LibraryError(f"{type(error).__name__}: {error}"), None))
            raise


def _look_again(library: Library, stop: threading.Event) -> Iterator[RunState]:
    for progress in library.iter_index(stop=stop):
        yield RunState(True, progress)
