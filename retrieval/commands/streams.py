"""The standard streams and the locale of the process, made usable before a command runs.

A shell, cron or a supervisor may start a command with a stream closed (`>&-`), on a full disk, in a
pipe that nobody reads, or in a locale that cannot write every file name. None of these may keep a
command from its work.
"""

from __future__ import annotations

import io
import os
import select
import sys
import threading
from typing import Any, TextIO

_LAST_STANDARD = 2  # the descriptor of standard error


class OutputClosed(Exception):
    """Nobody reads standard output any more, as in `pixtrieve search … | head`."""


def set_up_streams() -> None:
    """Make the standard streams of this process usable; call it once, first of all.

    A closed stream becomes the null device. What cannot be written is dropped, and
    `take_lost_output` tells of it; only a pipe that nobody reads ends the command, by OutputClosed.
    In a locale that is not UTF-8, starts this process again in Python's UTF-8 mode.
    """
    _open_closed_descriptors()
    _restart_in_utf8()
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for the process
    sys.stdout = _guarded(sys.stdout, "replace", ends=True)
    sys.stderr = _guarded(sys.stderr, "backslashreplace", ends=False)


def take_lost_output() -> OSError | None:
    """Return, once, why standard output could not be written; None if it could.

    Also None for streams that `set_up_streams` has not set up.
    """
    sink = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if not isinstance(sink, _Sink):
        return None
    sys.stdout.flush()
    return sink.take_failure()


def _open_closed_descriptors() -> None:
    """Open the null device for each closed standard stream.

    Otherwise the next file to be opened, such as the catalogue, would become that stream.
    """
    opened = os.open(os.devnull, os.O_RDWR)
    while opened <= _LAST_STANDARD:
        os.set_inheritable(opened, True)
        opened = os.open(os.devnull, os.O_RDWR)
    os.close(opened)


def _restart_in_utf8() -> None:
    """Run this command in Python's UTF-8 mode, if the locale has another encoding.

    Libraries hold names of files in UTF-8, so every locale must read the same names from the same
    bytes. The terminal keeps its encoding.
    """
    if os.name != "posix" or sys.getfilesystemencoding() == "utf-8":
        return
    import locale

    environment = {**os.environ, "PYTHONUTF8": "1"}
    environment.setdefault("PYTHONIOENCODING", f"{locale.getencoding()}:replace")
    command = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is wanted


def _guarded(stream: TextIO | None, errors: str, *, ends: bool) -> TextIO:
    """Return a stream over the same file that never fails, except by OutputClosed if it `ends`."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    unbuffered = getattr(stream.buffer, "raw", stream.buffer)  # PYTHONUNBUFFERED leaves no buffer
    sink = _Sink(unbuffered, ends=ends)
    return io.TextIOWrapper(
        io.BufferedWriter(sink),
        encoding=stream.encoding,
        errors=errors,
        line_buffering=True,
    )


class _Sink(io.RawIOBase):
    """Passes bytes on to an unbuffered file; after a failure, drops them."""

    def __init__(self, raw: Any, *, ends: bool) -> None:
        self._raw, self._ends = raw, ends
        self._failure: OSError | None = None
        self._failed = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        return bool(self._raw.isatty())

    def write(self, data: Any) -> int:
        if self._failed:
            return len(data)
        try:
            while (written := self._raw.write(data)) is None:  # the stream does not block
                select.select([], [self._raw], [])
            return int(written)
        except OSError as error:
            self._failed = True
            if not isinstance(error, BrokenPipeError):
                self._failure = error
            elif self._ends and threading.current_thread() is threading.main_thread():
                raise OutputClosed from error
            return len(data)

    def take_failure(self) -> OSError | None:
        """Return why writing failed, once; None for a closed pipe, and if nothing failed."""
        failure, self._failure = self._failure, None
        return failure
