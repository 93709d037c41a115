"""Work that takes long: in a thread, one piece at a time, with a library of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from retrieval.duplicates.keeping import DuplicateReport
from retrieval.errors import PixtrieveError
from retrieval.library import Library
from retrieval.map import MapProgress

P = TypeVar("P")

Work = Callable[[Library, threading.Event], Iterator[P]]
"""Does the work and yields where it stands; it ends early when the event is set."""


@dataclass(frozen=True, slots=True)
class JobState(Generic[P]):
    """Where a job stands: its latest progress, and the error that ended it, if one did."""

    running: bool = False
    progress: P | None = None
    error: str = ""
    hint: str = ""

    @property
    def problem(self) -> str:
        """What went wrong and what to do about it, "" where nothing did."""
        return in_words(self.error, self.hint)


class BackgroundJob(Generic[P]):
    """Runs one piece of work at a time; its `state` may be read from any thread."""

    def __init__(self, name: str, open_library: Callable[[], Library]) -> None:
        """Name the thread; `open_library` opens the library once more, for that thread."""
        self.state: JobState[P] = JobState()
        self._name, self._open = name, open_library
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def begin(self, work: Work[P], *, progress: P | None = None) -> bool:
        """Start work in the background; False when some is under way, or after `close`."""
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
        """End the work for good, and wait for that."""
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


def in_words(message: str, hint: str) -> str:
    """Return an error and what to do about it, as one line."""
    return f"{message}. {hint}" if message and hint else message


class MapJob(BackgroundJob[MapProgress]):
    """Brings the map of a library up to date."""

    def start(self, *, rebuild: bool = False) -> None:
        """Begin, unless the map is being drawn already."""

        def draw(library: Library, stop: threading.Event) -> Iterator[MapProgress]:
            for progress in library.map.iter_update(rebuild=rebuild):
                yield progress
                if stop.is_set():
                    return

        self.begin(draw)


class DuplicatesJob(BackgroundJob[DuplicateReport]):
    """Looks for duplicates; `state.progress` is the last report that was finished."""

    def start(self) -> None:
        """Begin, unless a search is under way; the last report stays until it is done."""

        def find(library: Library, _stop: threading.Event) -> Iterator[DuplicateReport]:
            yield library.duplicates.find()

        self.begin(find, progress=self.state.progress)

    def drop(self, ids: set[int]) -> None:
        """Take groups out of the report: they are kept, or were moved."""
        with self._lock:
            old = self.state.progress
            if old is not None:
                groups = tuple(group for group in old.groups if group.id not in ids)
                report = DuplicateReport(groups, old.pictures, old.without_thumbnail)
                state = self.state
                self.state = JobState(state.running, report, state.error, state.hint)
