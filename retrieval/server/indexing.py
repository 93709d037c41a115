"""Indexing as the server sees it: runs of its own, of its watch, and of other processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from retrieval.errors import LibraryError, PixtrieveError
from retrieval.indexing.progress import Progress
from retrieval.indexing.run_note import RunNote, read_note
from retrieval.library import Library
from retrieval.server.index_process import IndexProcess
from retrieval.server.jobs import BackgroundJob, with_hint
from retrieval.watching.watcher import Delayed, WatchControl, WatchEvent, WatchTiming

_CUT_SHORT = (
    "the last run ended before it was done. Finished work is saved; start it again to go on"
)


@dataclass(frozen=True, slots=True)
class RunState:
    """The run that is going on, or the last one, and the error that ended it, if any.

    `own` says that this server started it, so that it can be stopped here. With `watching`, the
    server watches the folders and starts runs by itself. `note` is what the run says of itself,
    None as long as it says nothing.
    """

    running: bool = False
    own: bool = False
    watching: bool = False
    error: str = ""
    note: RunNote | None = None


@dataclass(frozen=True, slots=True)
class Following:
    """How to watch the library's folders; `on_event` gets all events, in another thread."""

    timing: WatchTiming
    on_event: Callable[[WatchEvent], None]


@dataclass(frozen=True, slots=True)
class _Watched:
    """What the watch does just now."""

    running: bool = False
    error: str = ""


class IndexingRun:
    """Updates the library, in a process of its own; or in a thread while folders are watched.

    Only one runs at a time. Runs of other processes are seen, too.
    """

    def __init__(self, folder: str, device: str, open_library: Callable[[], Library]) -> None:
        """`open_library` opens the library in `folder` for the thread of the watch."""
        self._folder = folder
        self._job: BackgroundJob[_Watched] = BackgroundJob("indexing", open_library)
        self._control = WatchControl()
        self._following = False
        self._process = IndexProcess(folder, device)
        self._lock = threading.Lock()  # of the process

    @property
    def state(self) -> RunState:
        """The state of the run; any thread may read it."""
        with self._lock:
            own, pid, started = self._process.running, self._process.pid, self._process.started
            error = self._process.error
        job = self._job.state
        watched = job.progress or _Watched()
        watching = self._following and job.running
        rescans = watching and (watched.running or self._control.rescan.is_set())
        note = read_note(self._folder)
        if own and note is not None and note.pid != pid:
            note = None  # of the run before
        running = own or rescans or (note is not None and note.running)
        if self._following:
            error = job.problem or watched.error or error
        elif note is not None and note.pid != pid and note.began > started:
            error = note.error
        if not (running or error) and note is not None and note.phase != "done":
            error = "" if note.pid == pid else _CUT_SHORT
        return RunState(running, own or rescans, watching, "" if own else error, note)

    def start(self, paths: Sequence[str] = (), *, retry: bool = False) -> bool:
        """Start a run over paths, or over all folders; return False while one is running.

        With `retry`, files that could not be used are read again.
        """
        state = self.state
        if state.running:
            return False
        if state.watching and not paths and not retry:
            self._control.rescan.set()
            return True
        self._following = state.watching
        with self._lock:
            self._process.start(paths, retry=retry)
        return True

    def follow(self, following: Following) -> None:
        """Watch the library's folders for changes from now on."""
        self._following = True
        self._job.begin(lambda library, _stop: self._watch(library, following))

    def stop(self) -> None:
        """Stop the run after the current batch; watching continues."""
        with self._lock:
            self._process.stop()
        if self._following:
            self._control.rescan.clear()  # the run may not have started
            self._control.stop_run.set()

    def close(self) -> None:
        """Stop running and watching, and wait for the end."""
        self._control.stop.set()
        self.stop()
        self._job.close()
        with self._lock:
            self._process.close()

    def _watch(self, library: Library, following: Following) -> Iterator[_Watched]:
        state = _Watched()
        try:
            for event in library.watch(timing=following.timing, control=self._control):
                if isinstance(event, Progress):
                    state = _Watched(event.phase != "done")
                elif isinstance(event, Delayed):
                    state = _Watched(False, with_hint(event.error.message, event.error.hint))
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
