"""One worker process, seen from its parent."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from retrieval.images.isolation.messages import PIPE_BYTES

if sys.platform == "linux":
    import fcntl

_MODULE = "retrieval.images.isolation.worker"
_ROOT = str(Path(__file__).parents[len(_MODULE.split(".")) - 1])
"""The folder that the package is imported from."""


@dataclass(eq=False, slots=True)
class Worker:
    """A worker process and the pipes to it.

    It is killed at its deadline, and then `overran` is True. With `spent` it serves no other
    request.
    """

    process: subprocess.Popen[bytes]
    requests: IO[bytes]
    answers: IO[bytes]
    overran: bool = False
    spent: bool = False
    _deadline: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def work_until(self, deadline: float | None) -> float:
        """Set the time (`time.monotonic`) at which it is killed; None for never.

        With None, `overran` does not change any more. Returns the seconds that it had left, 0
        without a deadline.
        """
        with self._lock:
            left = 0.0 if self._deadline is None else self._deadline - time.monotonic()
            self._deadline = deadline
            return left

    def check(self, stood_still: float = 0.0) -> None:
        """Kill the process if its time is up, after `stood_still` seconds more."""
        with self._lock:
            if self._deadline is None:
                return
            self._deadline += stood_still
            if time.monotonic() > self._deadline:
                self.overran = True
                self.process.kill()

    def end(self) -> int:
        """Kill the process, if it still runs; return its exit status as `Popen` does."""
        if self.process.poll() is None:
            self.process.kill()
        status = self.process.wait()
        for stream in (self.requests, self.answers):
            with contextlib.suppress(OSError):  # what was not sent is lost with the worker
                stream.close()
        return status


def start() -> Worker:
    """Start a worker, which is not ready yet; raises OSError."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-m", _MODULE, str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=PIPE_BYTES,
        env={**os.environ, **_environment()},
        cwd=os.path.abspath(os.sep),  # so that it keeps no drive busy
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        process_group=0 if os.name == "posix" else None,  # Ctrl-C does not reach it
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for pipe in (process.stdin, process.stdout):
        _widen(pipe)
    return Worker(process, process.stdin, process.stdout)


def _environment() -> dict[str, str]:
    """Return what a worker needs: the packages of this process, and one thread for numpy."""
    places = [os.path.abspath(path) for path in sys.path if path]
    return {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys([*places, _ROOT])),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",  # so that memory which is only reserved stays small
    }


def _widen(pipe: IO[bytes]) -> None:
    """Make a pipe hold a whole small picture, where the system allows it: fewer switches."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
