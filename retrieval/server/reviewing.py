"""Duplicates as the server knows them: found in a thread, kept until one asks anew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from retrieval.duplicates.keeping import DuplicateReport
from retrieval.errors import PixtrieveError
from retrieval.library import Library


@dataclass(frozen=True, slots=True)
class Review:
    """How the search for duplicates stands: `report` is the last that was finished."""

    running: bool = False
    report: DuplicateReport | None = None
    error: str = ""


class DuplicatesJob:
    """Looks for duplicates, one search at a time, with a library of its own."""

    def __init__(self, open_library: Callable[[], Library]) -> None:
        self._open = open_library
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.review = Review()

    def start(self) -> None:
        """Begin a search, unless one is going on."""
        with self._lock:
            if not self.review.running:
                self.review = Review(running=True, report=self.review.report)
                self._thread = threading.Thread(target=self._run, name="duplicates")
                self._thread.start()

    def drop(self, ids: set[int]) -> None:
        """Take groups out of the report: they are kept, or were moved."""
        with self._lock:
            before = self.review.report
            if before is not None:
                groups = tuple(group for group in before.groups if group.id not in ids)
                report = DuplicateReport(groups, before.pictures, before.without_thumbnail)
                self.review = Review(self.review.running, report, self.review.error)

    def close(self) -> None:
        """Wait for the search that is going on."""
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        report, error = None, ""
        try:
            with self._open() as library:
                report = library.duplicates.find()
        except PixtrieveError as raised:
            error = f"{raised.message}. {raised.hint}".strip()
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        with self._lock:
            self.review = Review(report=report, error=error)
