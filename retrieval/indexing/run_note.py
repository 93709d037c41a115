"""What a run says to other processes: `run.json` in the library's folder.

A run holds the library's writer lock: one that indexes, or one that reads or encodes texts.

A run writes the note once a second, and once more when it ends; so one that has not changed for a
while is that of a run that was killed. Nothing but what people see depends on it.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Any, Literal, Self

from retrieval.errors import PixtrieveError
from retrieval.indexing.growth import Growth
from retrieval.indexing.progress import Phase, Progress, Tally
from retrieval.whole_file import read_record, require_inside, write_record

NAME = "run.json"
_EVERY_S = 1.0
_SILENT_S = 20.0
"""A run that is alive writes more often, also on a busy machine."""
_LONGEST_COMMAND = 200

Kind = Literal["index", "ocr", "descriptions"]
"""`ocr` reads the text in pictures, `descriptions` encodes what texts say of them."""

_SECRET = re.compile(r"(--token[= ])\S+")


@dataclass(frozen=True, slots=True)
class RunNote:
    """The run that is going on, or the last one.

    Of a run of another `kind` than "index", the tally has the pictures `handled`, of `pending`,
    which is 0 while it is unknown.
    `began` and `written` are in seconds since 1970. `files_per_s` and `pictures_per_s` are those
    of the last seconds; `seconds_left` is None while it is unknown. `phase` is "done" at the end,
    also of a run that was `stopped` or ended by an `error`. A run that is neither `running` nor
    "done" was killed.
    """

    pid: int
    host: str
    command: str
    began: float
    written: float
    phase: Phase
    root: str
    tally: Tally
    files_per_s: float = 0.0
    pictures_per_s: float = 0.0
    seconds_left: float | None = None
    stopped: bool = False
    error: str = ""
    kind: Kind = "index"

    @property
    def running(self) -> bool:
        """Whether the run is going on."""
        if self.phase == "done" or time.time() - self.written > _SILENT_S:
            return False
        return self.host != socket.gethostname() or _lives(self.pid)


def read_note(folder: str) -> RunNote | None:
    """Return the note in a library's folder; None if there is none, or if it is damaged."""
    facts = read_record(os.path.join(folder, NAME))
    try:
        return None if facts is None else RunNote(**{**facts, "tally": Tally(**facts["tally"])})
    except (KeyError, TypeError):  # that of another version
        return None


def noted(folder: str, steps: Iterator[Progress]) -> Iterator[Progress]:
    """Yield the steps of a run, and tell other processes about them; the caller has the lock."""
    with _Writer(folder) as writer:
        for progress in steps:
            writer.show(progress)
            yield progress


@contextmanager
def noted_task(
    folder: str, kind: Kind, stop: threading.Event
) -> Iterator[Callable[[int, int], None]]:
    """Tell other processes about work that is no indexing; the caller has the lock.

    Yields what takes the number of pictures done, and of all, 0 if that is unknown. The work was
    stopped if `stop` is set at its end.
    """
    latest = Progress("encode", "", Tally(), 0.0)
    with _Writer(folder, kind) as writer:

        def show(done: int, total: int) -> None:
            nonlocal latest
            latest = replace(latest, tally=Tally(pending=total, handled=done, encoded=done))
            writer.show(latest)

        show(0, 0)
        yield show
        writer.show(replace(latest, phase="done", stopped=stop.is_set()))


class _Writer:
    """Writes the note of one run, from a thread of its own: a step may take minutes."""

    def __init__(self, folder: str, kind: Kind = "index") -> None:
        self._folder, self._path = folder, os.path.join(folder, NAME)
        self._kind = kind
        self._began = time.time()
        self._latest = Progress("scan", "", Tally(), 0.0)
        self._files, self._pictures = Growth(), Growth()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_writing, name="run note", daemon=True)

    def show(self, progress: Progress) -> None:
        """Take a step into the next note; the last step is written at once."""
        self._latest = progress
        if progress.phase == "done":
            self._end(stopped=progress.stopped)

    def _keep_writing(self) -> None:
        while not self._over.wait(_EVERY_S):
            self._write()

    def _end(self, **facts: Any) -> None:
        if not self._over.is_set():
            self._over.set()
            self._thread.join()
            self._write(phase="done", seconds_left=None, **facts)

    def _write(self, **facts: Any) -> None:
        # Other processes only show this, so a failure does no harm.
        with suppress(OSError):
            require_inside(self._folder, self._path)
            write_record(self._path, {**self._facts(), **facts})

    def _facts(self) -> dict[str, Any]:
        latest = self._latest
        tally = latest.tally
        self._files.note(tally.handled)
        self._pictures.note(tally.encoded)
        return {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": _command(),
            "began": round(self._began, 3),
            "written": round(time.time(), 3),
            "phase": latest.phase,
            # A record is JSON: a path that is no valid text is shown as well as it can be.
            "root": os.fsencode(latest.root).decode("utf-8", "replace"),
            "tally": asdict(tally),
            "files_per_s": round(self._files.rate, 2),
            "pictures_per_s": round(self._pictures.rate, 2),
            "seconds_left": self._files.seconds_left(tally.pending - tally.handled),
            "kind": self._kind,
        }

    def __enter__(self) -> Self:
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, PixtrieveError):
            self._end(error=error.message)
        elif isinstance(error, Exception):
            self._end(error=f"{type(error).__name__}: {error}")
        else:
            self._end(stopped=True)


def _command() -> str:
    program = os.path.basename(sys.argv[0])
    name = "pixtrieve" if program in ("__main__.py", "cli.py", "-c", "") else program
    return _SECRET.sub(r"\1…", shlex.join([name, *sys.argv[1:]]))[:_LONGEST_COMMAND]


def _lives(pid: int) -> bool:
    """Tell whether a process of this machine exists; True where that cannot be asked."""
    if os.name == "nt":  # there, the question would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True
