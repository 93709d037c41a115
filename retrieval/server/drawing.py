"""The map as the server draws it: in a thread, one drawing at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from retrieval.errors import PixtrieveError
from retrieval.library import Library
from retrieval.map import MapProgress


@dataclass(frozen=True, slots=True)
class DrawingState:
    """How a drawing stands: its latest progress, and the error that ended the last one, if any."""

    running: bool = False
    progress: MapProgress | None = None
    error: str = ""
    hint: str = ""


class MapJob:
    """Brings the map up to date with a library of its own."""

    def __init__(self, open_library: Callable[[], Library]) -> None:
        self._open = open_library
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.state = DrawingState()

    def start(self, *, rebuild: bool = False) -> None:
        """Begin a drawing, unless one is going on."""
        with self._lock:
            if self.state.running or self._stop.is_set():
                return
            self.state = DrawingState(running=True)
            self._thread = threading.Thread(target=self._run, args=(rebuild,), name="map")
            self._thread.start()

    def close(self) -> None:
        """Give up a drawing that is going on, and wait."""
        with self._lock:
            self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, rebuild: bool) -> None:
        error, hint = "", ""
        try:
            with self._open() as library:
                for progress in library.map.iter_update(rebuild=rebuild):
                    self.state = DrawingState(running=True, progress=progress)
                    if self._stop.is_set():
                        break
        except PixtrieveError as raised:
            error, hint = raised.message, raised.hint
        except Exception as raised:
            error = f"the map could not be drawn: {type(raised).__name__}: {raised}"
        self.state = DrawingState(error=error, hint=hint)
