"""What a worker process does to itself before it decodes anything: limits, and no loose ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

SPARE_MEMORY = 2**30
"""Bytes that any picture may need beside its pixels: file, metadata, tables of the decoder."""

MEMORY_PER_PIXEL = 40
"""Bytes: more than any decoder here needs, with a transposed and a converted copy."""

_STACKS = 16 * 2**20 * (os.cpu_count() or 1)  # a decoder may start a thread for each core

_PR_SET_PDEATHSIG = 1


def settle_in(parent: int) -> None:
    """Ignore Ctrl-C, which is the parent's business, leave no core file, and end with the parent.

    `parent` is the process that started this one; it may have ended already.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if resource is None:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")  # when memory runs out, Linux ends a worker rather than the parent
    if not _dies_with_parent():
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(0)


def limit_memory(extra: int) -> None:
    """Let this process allocate `extra` bytes beyond what it has; only Linux enforces this."""
    if sys.platform != "linux":
        return
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = file.read().split()
    page = os.sysconf("SC_PAGE_SIZE")
    for kind, used in ((resource.RLIMIT_DATA, pages[5]), (resource.RLIMIT_AS, pages[0])):
        _, most = resource.getrlimit(kind)
        wanted = int(used) * page + extra + _STACKS
        if most != resource.RLIM_INFINITY:
            wanted = min(wanted, most)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (wanted, most))


def _dies_with_parent() -> bool:
    """Ask Linux to kill this process when the thread that started it ends."""
    if sys.platform != "linux":
        return False
    try:
        return bool(ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)
