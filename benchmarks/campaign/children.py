"""Processes of their own for trials: forked, watched, killed; and what became of them.

The parent never runs a model, FAISS or a thread, so that a fork is a clean start; it takes
milliseconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from retrieval.catalogue.connection import Connection
from retrieval.errors import PixtrieveError

LIMIT_S = 120.0
"""A child that takes longer hangs; each takes milliseconds."""

_EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.truncate", "os.utime", "os.scandir"}
_VM_STEPS = 200  # of SQLite, between two moments


@dataclass(frozen=True)
class Ended:
    """How a child ended: `how` is "done", "refused", "crashed", "killed" or "hung".

    `value` is what it returned, `said` the refusal, or what crashed.
    """

    how: str
    value: Any = None
    said: str = ""


class Child:
    """A forked process that runs a function; its value must fit into JSON."""

    def __init__(self, work: Callable[[], Any], prepare: Callable[[], None] | None = None) -> None:
        """Start; `prepare` runs in the child first."""
        self._read, write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _run(work, prepare, write)
        os.close(write)
        self._killed = False

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._killed = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def finish(self, limit_s: float = LIMIT_S) -> Ended:
        """Wait for the end; a child that takes longer than the limit is killed."""
        content, end, hung = bytearray(), time.monotonic() + limit_s, False
        while True:
            ready, _, _ = select.select([self._read], [], [], max(end - time.monotonic(), 0))
            if not ready:
                hung = True
                self.kill()
                break
            block = os.read(self._read, 1 << 20)
            if not block:
                break
            content += block
        os.close(self._read)
        _, status = os.waitpid(self.pid, 0)
        if hung:
            return Ended("hung", said=f"not done after {limit_s:.0f} s")
        if content:
            return Ended(**json.loads(content))
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL:
            return Ended("killed")
        return Ended("crashed", said=f"the process ended with {code}")


def _run(work: Callable[[], Any], prepare: Callable[[], None] | None, write: int) -> None:
    """Run a function in this forked process, report, and end without returning."""
    try:
        if prepare is not None:
            prepare()
        ended = {"how": "done", "value": work()}
    except PixtrieveError as error:
        clear = bool(error.message.strip() and error.hint.strip())
        said = f"{type(error).__name__}: {error.message} → {error.hint}"
        ended = {"how": "refused" if clear else "crashed", "said": said}
    except BaseException:
        ended = {"how": "crashed", "said": traceback.format_exc()[-1500:]}
    try:
        with open(write, "wb") as pipe:
            pipe.write(json.dumps(ended).encode())
    finally:
        os._exit(0)


def forked(work: Callable[[], Any], prepare: Callable[[], None] | None = None) -> Ended:
    """Run a function in a process of its own, to its end."""
    return Child(work, prepare).finish()


class Moments:
    """Counts the moments of this process: files opened and renamed, statements, steps of SQLite."""

    def __init__(self, inside: str, at: int, act: Callable[[str], None]) -> None:
        """Call `act` at the moment number `at`, counted from 1, in files below `inside`."""
        self.count = 0
        self._inside, self._at, self._act = inside, at, act

    def moment(self, what: str = "") -> int:
        """Count one; return 0, which lets SQLite go on."""
        self.count += 1
        if self.count == self._at:
            self._act(what)
        return 0

    @contextmanager
    def counted(self) -> Iterator[Moments]:
        """Count from here on; for one process, which ends soon."""

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event in _EVENTS and isinstance(arguments[0], str | bytes | os.PathLike):
                path = os.fsdecode(arguments[0])
                if path.startswith(self._inside):
                    self.moment(path)

        sys.addaudithook(hook)
        connect, rows, many = sqlite3.connect, Connection.rows, Connection.many

        def connected(*arguments: Any, **how: Any) -> sqlite3.Connection:
            db: sqlite3.Connection = connect(*arguments, **how)
            db.set_progress_handler(self.moment, _VM_STEPS)
            return db

        def one(db: Connection, *arguments: Any) -> Any:
            self.moment()
            return rows(db, *arguments)

        def several(db: Connection, *arguments: Any) -> None:
            self.moment()
            many(db, *arguments)

        changed: Any = sqlite3
        changed.connect = connected
        changed = Connection
        changed.rows, changed.many = one, several
        yield self


def kill_at(inside: str, moment: int) -> Callable[[], None]:
    """Return what makes a process kill itself at one of its moments."""

    def prepare() -> None:
        def die(_: str) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        Moments(inside, moment, die).counted().__enter__()

    return prepare
