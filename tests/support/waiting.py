"""How long tests wait: limits for what hangs, many times what is usual, so no clock fails a test.

A limit is only reached by a fault. A test that is about time counts steps, never seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SUBPROCESS_S = 1800.0
"""For a process of its own: torch may be loaded on a busy machine."""

WAIT_S = 600.0
"""For a thread, a server's answer, or a condition."""

BROWSER_MS = 300_000.0
"""For a page, and for whatever a test waits for on it."""


def until(condition: Callable[[], object], what: str = "") -> None:
    """Wait until something holds; AssertionError when it never does."""
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, what or "it did not come to that"
        time.sleep(0.02)
