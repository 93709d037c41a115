"""An indexing run that the server started: one at a time, watched from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from retrieval.errors import PixtrieveError
from retrieval.library import Library
from retrieval.progress import Progress


@dataclass(frozen=True, slots=True)
class RunState:
    """How a run stands: its latest progress, and the error that ended it, if one did."""

    running: bool = False
    progress: Progress | None = None
    error: str = ""


class IndexingRun:
    """Looks again at all that the library knows, in a thread with a library of its own."""

    def __init__(self, open_library: Callable[[], Library]) -> None:
        self._open = open_library
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.state = RunState()

    def start(self) -> bool:
        """Start a run; False when one is going on."""
        with self._lock:
            if self.state.running:
                return False
            self._stop.clear()
            self.state = RunState(running=True)
            self._thread = threading.Thread(target=self._run, name="indexing")
            self._thread.start()
            return True

    def stop(self) -> None:
        """Ask the run to end after the batch in flight."""
        self._stop.set()

    def close(self) -> None:
        """Stop, and wait."""
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        last: Progress | None = None
        error = ""
        try:
            with self._open() as library:
                for last in library.index(stop=self._stop):
                    self.state = RunState(running=True, progress=last)
        except PixtrieveError as raised:
            error = f"{raised.message}. {raised.hint}".strip()
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        self.state = RunState(running=False, progress=last, error=error)
