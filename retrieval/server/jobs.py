"""Background jobs: long work in its own thread, with its own `Library`, one run at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from retrieval.duplicates.keeping import DuplicateGroup, DuplicateReport
from retrieval.errors import PixtrieveError
from retrieval.library import Library
from retrieval.map import MapProgress

P = TypeVar("P")

Work = Callable[[Library, threading.Event], Iterator[P]]
"""Does the work and yields its progress; ends early when the event is set."""


@dataclass(frozen=True, slots=True)
class JobState(Generic[P]):
    """A job's latest progress, and the error that ended it, if any."""

    running: bool = False
    progress: P | None = None
    error: str = ""
    hint: str = ""

    @property
    def problem(self) -> str:
        """The error and its hint as one line, "" without an error."""
        return with_hint(self.error, self.hint)


class BackgroundJob(Generic[P]):
    """Runs one piece of work at a time; any thread may read `state`."""

    def __init__(self, name: str, open_library: Callable[[], Library]) -> None:
        """`name` is the thread's name; `open_library` opens the library for that thread."""
        self.state: JobState[P] = JobState()
        self._name, self._open = name, open_library
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def begin(self, work: Work[P], *, progress: P | None = None) -> bool:
        """Start work in the background; return False while work runs, and after `close`."""
        with self._lock:
            if self.state.running or self._closed:
                return False
            self._stop.clear()
            self.state = JobState(running=True, progress=progress)
            self._thread = threading.Thread(target=self._run, args=(work,), name=self._name)
            self._thread.start()
            return True

    def stop(self) -> None:
        """Ask the work to end early."""
        self._stop.set()

    def close(self) -> None:
        """Stop the work, wait for its end, and accept no more."""
        with self._lock:
            self._closed = True
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def _run(self, work: Work[P]) -> None:
        error = hint = ""
        try:
            with self._open() as library:
                for progress in work(library, self._stop):
                    with self._lock:
                        self.state = JobState(running=True, progress=progress)
        except PixtrieveError as raised:
            error, hint = raised.message, raised.hint
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        with self._lock:
            self.state = JobState(False, self.state.progress, error, hint)


def with_hint(message: str, hint: str) -> str:
    """Return an error message and its hint as one line."""
    return f"{message}. {hint}" if message and hint else message


class MapJob(BackgroundJob[MapProgress]):
    """Updates the map of a library."""

    def start(self, *, rebuild: bool = False) -> None:
        """Start an update, unless one is running."""

        def draw(library: Library, stop: threading.Event) -> Iterator[MapProgress]:
            for progress in library.map.iter_update(rebuild=rebuild):
                yield progress
                if stop.is_set():
                    return

        self.begin(draw)


class DuplicatesJob(BackgroundJob[DuplicateReport]):
    """Searches for duplicates; `state.progress` is the latest finished report."""

    def __init__(self, name: str, open_library: Callable[[], Library]) -> None:
        """`name` and `open_library` are those of `BackgroundJob`."""
        super().__init__(name, open_library)
        self._gone: dict[str, list[tuple[int, DuplicateGroup]]] = {}
        """The groups that were taken away and their places, by what took them: see `drop`."""

    def start(self) -> None:
        """Start a search, unless one is running; the previous report stays until it ends."""

        def find(library: Library, _stop: threading.Event) -> Iterator[DuplicateReport]:
            yield library.duplicates.find()

        self._gone.clear()
        self.begin(find, progress=self.state.progress)

    def drop(self, ids: set[int], why: str) -> None:
        """Remove groups from the report; `why` is a name, such as the log of a move."""
        with self._lock:
            old = self.state.progress
            if old is None:
                return
            gone = [(at, each) for at, each in enumerate(old.groups) if each.id in ids]
            self._gone[why] = gone
            self._put(replace(old, groups=tuple(g for g in old.groups if g.id not in ids)))

    def gone(self, why: str) -> tuple[DuplicateGroup, ...]:
        """Return the groups that `drop` removed under a name since the last search."""
        with self._lock:
            return tuple(each for _, each in self._gone.get(why, ()))

    def restore(self, why: str) -> list[int]:
        """Put the groups that `drop` removed under a name back; return their ids."""
        with self._lock:
            old, gone = self.state.progress, self._gone.pop(why, [])
            if old is None:
                return []
            groups = list(old.groups)
            known = {each.id for each in groups}
            back = [(at, each) for at, each in gone if each.id not in known]
            for at, each in back:
                groups.insert(at, each)
            self._put(replace(old, groups=tuple(groups)))
            return [each.id for _, each in back]

    def _put(self, report: DuplicateReport) -> None:
        self.state = replace(self.state, progress=report)
