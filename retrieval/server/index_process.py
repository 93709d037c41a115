"""Indexing in a process of its own, so that the server stays quick and a crash costs it nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import IO

from retrieval.server.jobs import with_hint

PROGRAM = (sys.executable, "-m", "retrieval")
"""The command `pixtrieve` of this installation."""

_STOPPED = 130
_ERROR, _HINT = "Error: ", "Hint: "
_LONGEST_ERROR = 600
_LAST_WORDS = 20_000  # bytes


class IndexProcess:
    """Runs `pixtrieve index` on one library, one run at a time; not thread-safe."""

    def __init__(self, library: str, device: str) -> None:
        self._options = ("--library", library, "--device", device)
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._error = ""
        self._stopping = False
        self.started = 0.0
        """When the last run was started, in seconds since 1970."""

    @property
    def pid(self) -> int:
        """The process of the last run, 0 before the first."""
        return 0 if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        """Whether the run goes on."""
        return self._process is not None and self._process.poll() is None

    @property
    def error(self) -> str:
        """What ended the last run, "" if nothing did."""
        if not self.running and self._said is not None and self._process is not None:
            if not self._stopping:
                self._error = _error_of(self._process.returncode, self._said)
            self._said.close()
            self._said = None
        return self._error

    def start(self, paths: Sequence[str], *, retry: bool = False) -> None:
        """Index paths, or all folders without paths, once the run before has ended.

        Raises OSError if no process can be started.
        """
        self.close()
        self._error, self._stopping, self.started = "", False, time.time()
        said = tempfile.TemporaryFile()  # noqa: SIM115 - a full pipe would halt the run
        extra = ("--retry",) if retry else ()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - Pixtrieve itself, without a shell
                [*PROGRAM, "index", *self._options, *extra, "--", *paths],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                # Ctrl-C in a terminal stops the server, and that stops the run, once.
                start_new_session=True,
                env={**os.environ, "NO_COLOR": "1"},
            )
        except BaseException:
            said.close()
            raise
        self._said = said

    def stop(self) -> None:
        """Ask the run to stop after the current batch."""
        if self._process is not None and self.running:
            self._stopping = True
            self._process.terminate()

    def close(self) -> None:
        """Stop the run and wait for its end."""
        self.stop()
        if self._process is not None:
            self._process.wait()
        if self._said is not None:
            self._said.close()
            self._said = None


def _error_of(code: int, said: IO[bytes]) -> str:
    """Return what a process that ended says of it, "" for a run that ended as it should."""
    if code in (0, _STOPPED):
        return ""
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - _LAST_WORDS))
    lines = said.read().decode("utf-8", "replace").strip().splitlines()
    first = next((at for at, line in enumerate(lines) if line.startswith(_ERROR)), None)
    if first is not None:
        message, *rest = lines[first:]
        hint = " ".join(line.removeprefix(_HINT).strip() for line in rest)
        return with_hint(message.removeprefix(_ERROR), hint)[:_LONGEST_ERROR]
    how = f"a signal ({-code})" if code < 0 else f"exit code {code}"
    last = f" Its last words: {lines[-1]}" if lines else ""
    return (
        f"the indexing process ended with {how}. Finished work is saved; start it again to go on."
        f"{last}"
    )[:_LONGEST_ERROR]
