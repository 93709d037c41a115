"""A request to a worker, with all that the worker asks meanwhile, and with a deadline."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from retrieval.images import Content, ReadLimits, budget, reasons
from retrieval.images.budget import Budget
from retrieval.images.isolation.messages import Message, receive, send
from retrieval.images.isolation.process import Worker
from retrieval.specs import Preprocessing

READ_S = 120.0
"""How long reading may stall: a network drive may have to wake up."""

_MEGAPIXELS_PER_TIME = 120
_EXIT_S = 5.0
_FROM_OUTSIDE = (1, 2, 3, 9, 15)
"""SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM: no fault of a decoder, but a full memory, or a system
that shuts down and tells every process."""


class WorkerDiedError(Exception):
    """The worker ended before it answered; `reason` says why, for the owner of the picture.

    `transient`: another attempt may succeed. `content` is what the worker had read by then. With
    `unread`, it ended before it had read anything, so the picture is hardly the reason.
    """

    def __init__(
        self, reason: str, content: Content | None, *, transient: bool, unread: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason, self.content, self.transient = reason, content, transient
        self.unread = unread


@lru_cache(16)
def as_facts(value: Preprocessing | ReadLimits) -> dict[str, Any]:
    """Return the fields of a value by name; the caller must not change the result."""
    return asdict(value)


class Conversation:
    """One request; time that the worker waits for this process does not count."""

    def __init__(
        self, worker: Worker, limits: ReadLimits, pixels: Budget | None, held: ExitStack
    ) -> None:
        """`held` holds the picture's share of the budget `pixels`: close it afterwards.

        None is the budget of the whole process.
        """
        self._worker, self._limits, self._budget, self._held = worker, limits, pixels, held
        self._content: Content | None = None
        self._reads = False
        self._seconds = limits.max_seconds
        self._most_pixels = 0

    def ask(
        self,
        facts: Mapping[str, Any],
        data: bytes = b"",
        wanted: Callable[[Content], bool] | None = None,
    ) -> Message:
        """Send a request and return the answer; raises WorkerDiedError.

        With `wanted`, the request first reads a file. `wanted` is then called with what was read,
        and tells whether to decode it.
        """
        self._reads = wanted is not None
        self._go_on(READ_S if self._reads else self._seconds)
        limits, most = as_facts(self._limits), self._limits.max_memory
        request = {**facts, "limits": limits, "max_memory": most}
        self._send(request, data)
        while True:
            message = receive(self._worker.answers)
            if message is None:
                raise self._died()
            found = message.facts
            if "reading" in found:
                self._go_on(READ_S)
            elif "content" in found and wanted is not None:
                self._pause()
                sha256, size, mtime_ns = found["content"]
                self._content = Content(bytes.fromhex(sha256), size, mtime_ns)
                answer = wanted(self._content)
                self._reads = False
                self._seconds = self._limits.seconds_for(size)
                self._go_on(self._seconds)
                self._send({"answer": answer})
            elif "admit" in found:
                self._admit(found["admit"])
                self._send({"answer": True})
            else:
                self._pause()
                self._worker.spent = found["last"]
                return message

    def _admit(self, pixels: int) -> None:
        """Wait for the picture's share of the budget; a large picture gets more time."""
        left = self._pause()
        self._held.close()  # the share of an earlier attempt
        self._held.enter_context((self._budget or budget).hold(pixels))
        more = max(0, pixels - self._most_pixels) / (_MEGAPIXELS_PER_TIME * 1e6)
        self._most_pixels = max(pixels, self._most_pixels)
        self._seconds += more * self._limits.max_seconds
        self._go_on(left + more * self._limits.max_seconds)

    def _pause(self) -> float:
        """Stop the clock and return the seconds left; raises WorkerDiedError if there are none."""
        left = self._worker.work_until(None)
        if self._worker.overran:
            raise self._died()
        return left if left > 0 else self._seconds  # the keeper of the clock itself stood still

    def _go_on(self, seconds: float) -> None:
        self._worker.work_until(time.monotonic() + seconds)

    def _send(self, facts: Mapping[str, Any], data: bytes = b"") -> None:
        try:
            send(self._worker.requests, facts, data)
        except OSError as error:
            raise self._died() from error

    def _died(self) -> WorkerDiedError:
        self._worker.work_until(None)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._worker.process.wait(_EXIT_S)
        status = self._worker.end()
        if self._worker.overran and self._reads:
            return WorkerDiedError(reasons.stalled(READ_S), None, transient=True)
        if self._worker.overran:
            return WorkerDiedError(reasons.too_slow(self._seconds), self._content, transient=False)
        if -status in _FROM_OUTSIDE or self._reads:
            killed, unread = reasons.KILLED, self._reads
            return WorkerDiedError(killed, self._content, transient=True, unread=unread)
        return WorkerDiedError(reasons.CRASHED, self._content, transient=False)
