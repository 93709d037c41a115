"""One writer at a time: a lock on the library folder that dies with its holder."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from retrieval.errors import LibraryBusy, LibraryError


@contextmanager
def writer_lock(folder: str) -> Iterator[None]:
    """Hold the library for writing; LibraryBusy, at once, names who holds it already.

    The operating system drops the lock when the process ends, however it ends. The note beside
    it only says who; it means nothing without the lock.
    """
    from filelock import FileLock, Timeout  # a reader need not wait for its import

    lock = FileLock(os.path.join(folder, "writer.lock"))
    note = os.path.join(folder, "writer.json")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LibraryBusy(
            f"the library {folder} is being written by {_holder(note)}",
            "wait until it is done, or stop it; searching works meanwhile",
        ) from None
    except OSError as error:
        raise LibraryError(
            f"the library {folder} cannot be written: {error.strerror}",
            "check the permissions of the folder, or name another one with --library",
        ) from error
    try:
        _sign(note)
        yield
    finally:
        lock.release()


def _sign(note: str) -> None:
    import socket

    facts = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]])[:200],
    }
    # Only a courtesy to whoever finds the lock taken.
    with suppress(OSError), open(note, "w", encoding="utf-8", errors="backslashreplace") as file:
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
