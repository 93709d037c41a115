"""Indexing in the server: one run at a time, started by a request or by a watch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from retrieval.errors import LibraryError, PixtrieveError
from retrieval.indexing.progress import Progress
from retrieval.library import Library
from retrieval.server.jobs import BackgroundJob, with_hint
from retrieval.watching.watcher import Delayed, WatchControl, WatchEvent, WatchTiming


@dataclass(frozen=True, slots=True)
class RunState:
    """A run's latest progress, and the error that ended it, if any.

    With `watching`, the server watches the folders and starts runs by itself.
    """

    running: bool = False
    progress: Progress | None = None
    error: str = ""
    watching: bool = False


@dataclass(frozen=True, slots=True)
class Following:
    """How to watch the library's folders; `on_event` gets all events, in another thread."""

    timing: WatchTiming
    on_event: Callable[[WatchEvent], None]


class IndexingRun:
    """Updates all folders of the library, in a thread with its own `Library`.

    While the folders are watched, the watching thread does the runs: only one runs at a time.
    """

    def __init__(self, open_library: Callable[[], Library]) -> None:
        self._job: BackgroundJob[RunState] = BackgroundJob("indexing", open_library)
        self._control = WatchControl()
        self._following = False

    @property
    def state(self) -> RunState:
        """The state of the run; any thread may read it."""
        job = self._job.state
        last = job.progress or RunState()
        error = job.problem
        if not self._following:
            return RunState(job.running, last.progress, error)
        running = job.running and (last.running or self._control.rescan.is_set())
        return RunState(running, last.progress, error or last.error, watching=job.running)

    def start(self) -> bool:
        """Start a run; return False while one is running."""
        if not self.state.watching:
            self._following = False
            return self._job.begin(_update)
        if self.state.running:
            return False
        self._control.rescan.set()
        return True

    def follow(self, following: Following) -> None:
        """Watch the library's folders for changes from now on."""
        self._following = True
        self._job.begin(lambda library, _stop: self._watch(library, following))

    def stop(self) -> None:
        """Stop the run after the current batch; watching continues."""
        if self._following:
            self._control.rescan.clear()  # the run may not have started
            self._control.stop_run.set()
        else:
            self._job.stop()

    def close(self) -> None:
        """Stop running and watching, and wait for the end."""
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
                    text = with_hint(event.error.message, event.error.hint)
                    state = RunState(False, state.progress, text, watching=True)
                else:
                    state = replace(state, running=False)
                yield state
                following.on_event(event)
        except PixtrieveError as error:
            following.on_event(Delayed(error, None))
            raise
        except Exception as error:
            following.on_event(Delayed(LibraryError(f"{type(error).__name__}: {error}"), None))
            raise


def _update(library: Library, stop: threading.Event) -> Iterator[RunState]:
    for progress in library.iter_index(stop=stop):
        yield RunState(True, progress)
