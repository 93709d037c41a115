"""A watch in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from retrieval import IndexOptions, Library, Progress
from retrieval.watching.watcher import Delayed, WatchControl, WatchEvent, Watching, WatchTiming
from support.fakes import FakeEncoder
from support.waiting import WAIT_S, until

FAST = WatchTiming(
    quiet=0.2, max_wait=5, settle=0.1, recheck=0.2, root_check=0.1, busy_retry=0.1, error_retry=0.1
)


class Watch:
    """`Library.watch` in a thread of its own; `events` is what it has said so far."""

    def __init__(
        self,
        folder: str | Path,
        encoder: FakeEncoder,
        paths: Sequence[str | Path] = (),
        timing: WatchTiming = FAST,
        options: IndexOptions | None = None,
    ) -> None:
        self.control = WatchControl()
        self.events: list[WatchEvent] = []
        self.error: BaseException | None = None
        self._how = folder, encoder, paths, timing, options
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop it as Ctrl-C does."""
        self.control.stop.set()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        folder, encoder, paths, timing, options = self._how
        try:
            with Library.open(folder, encoder) as library:
                for event in library.watch(
                    paths, options=options, timing=timing, control=self.control
                ):
                    self.events.append(event)
        except BaseException as error:
            self.error = error

    @property
    def done(self) -> list[Progress]:
        """The last records of the runs so far."""
        return [e for e in self.events if isinstance(e, Progress) and e.phase == "done"]

    @property
    def encoding(self) -> list[Progress]:
        """Of the runs so far, those in which a picture was encoded."""
        return [progress for progress in self.done if progress.tally.encoded]

    @property
    def watching(self) -> Watching | None:
        """How the watch stands, as it said last."""
        return next((e for e in reversed(self.events) if isinstance(e, Watching)), None)

    @property
    def delays(self) -> list[Delayed]:
        """What came between."""
        return [event for event in self.events if isinstance(event, Delayed)]

    def follows(self) -> None:
        """Wait until all changes so far are indexed and it listens for more."""
        until(lambda: self.watching is not None, "it never listened")
        seen = len(self.done)
        self.control.rescan.set()
        until(lambda: len(self.done) > seen and not self.control.rescan.is_set())


def indexed(library: Library) -> set[str]:
    """The paths of all pictures."""
    return {path for row, _ in library.images() for path in row.paths}


def same_as_a_new_library(library: Library, folder: Path, tmp_path: Path) -> bool:
    """Tell whether the library knows what one made now would."""
    with Library.create(tmp_path / f"new-{time.time_ns()}", FakeEncoder()) as new:
        new.add(folder)
        mine, other = (
            sorted((row.paths, blob) for row, blob in each.images()) for each in (library, new)
        )
        return mine == other
