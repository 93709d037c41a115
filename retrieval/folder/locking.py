"""The writer lock: one process at a time writes a library; the lock ends with the process."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from retrieval.errors import FREE_SPACE, LibraryBusy, LibraryError, is_full, reason_of
from retrieval.whole_file import require_inside

_OTHERWISE = "check the files and permissions of the folder, or choose another one with --library"


@contextmanager
def writer_lock(folder: str) -> Iterator[None]:
    """Hold the library's writer lock.

    Raises LibraryBusy at once, naming the holder, when another process has the lock, and
    LibraryError when the folder is not writable. The operating system releases the lock when the
    process ends for any reason. `writer.json` only names the holder; it has no effect by itself.
    """
    from filelock import FileLock, Timeout  # imported here because readers do not need it

    lock = FileLock(os.path.join(folder, "writer.lock"))
    note = os.path.join(folder, "writer.json")
    try:
        require_inside(folder, lock.lock_file)  # its content would be lost
        lock.acquire(timeout=0)
    except Timeout:
        raise LibraryBusy(
            f"the library {folder} is being written by {_holder(note)}",
            "wait until that process is done, or stop it; you can search meanwhile",
        ) from None
    except OSError as error:
        raise LibraryError(
            f"the library {folder} is not writable: {reason_of(error)}",
            FREE_SPACE if is_full(error) else _OTHERWISE,
        ) from error
    try:
        _write_holder(note)
        yield
    finally:
        lock.release()


def _write_holder(note: str) -> None:
    import socket

    facts = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]])[:200],
    }
    # Other processes only show this in a message, so a failure does no harm.
    with suppress(OSError):
        with suppress(FileNotFoundError):
            os.unlink(note)
        with open(note, "x", encoding="utf-8", errors="backslashreplace") as file:  # no link
            json.dump(facts, file)


def _holder(note: str) -> str:
    try:
        with open(note, encoding="utf-8") as file:
            facts = json.load(file)
        return (
            f"process {facts['pid']} on {facts['host']} since {facts['since']} ({facts['command']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
