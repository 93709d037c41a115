"""Workers that are ready for the next request: started when needed, ended when long idle."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from retrieval.images.budget import Budget
from retrieval.images.isolation.keeper import Keeper
from retrieval.images.isolation.messages import receive
from retrieval.images.isolation.process import Worker

_IDLE_S = 30.0
_START_S = 120.0
_STARTS = 3
_PAUSE_S = 30.0


class NoWorkersError(Exception):
    """No worker can be started; the message says why."""


class Pool:
    """At most `most` workers, which any number of threads share.

    `pixels` is the budget of what they decode at once; None is that of the whole process.
    """

    def __init__(self, most: int, pixels: Budget | None = None) -> None:
        self._most, self.pixels = most, pixels
        self.reset()
        _pools.add(self)

    def reset(self) -> None:
        """Forget all workers, in a process that was forked: they serve the first process."""
        self._changed = threading.Condition()
        self._idle: list[tuple[float, Worker]] = []
        self._count = 0
        self._failed: tuple[float, str] | None = None
        self._keeper = Keeper(lambda: self.end_idle(_IDLE_S))

    @contextmanager
    def worker(self) -> Iterator[Worker]:
        """Lend a worker; wait for one if all are in use.

        It is ended afterwards if the block raises, or if it is `spent`. Raises NoWorkersError if
        there is none and none can be started; after that, it does not try again for a while.
        """
        worker = self._take()
        try:
            yield worker
        except BaseException:
            self._end(worker)
            raise
        if worker.spent or worker.overran:
            self._end(worker)
            return
        with self._changed:
            self._idle.append((time.monotonic(), worker))
            self._changed.notify()

    def idle(self) -> list[int]:
        """Return the process ids of the workers that wait for a request."""
        with self._changed:
            return [worker.process.pid for _, worker in self._idle]

    def end_idle(self, for_s: float = 0.0) -> None:
        """End the workers that have been idle for that many seconds."""
        latest = time.monotonic() - for_s
        with self._changed:
            old = [worker for since, worker in self._idle if since <= latest]
            self._idle = [(since, worker) for since, worker in self._idle if since > latest]
        for worker in old:
            self._end(worker)

    def _take(self) -> Worker:
        while True:
            with self._changed:
                while not self._idle and not self._may_start():
                    if not self._count and self._failed:
                        raise NoWorkersError(self._failed[1])
                    self._changed.wait(1.0)
                if not self._idle:
                    self._count += 1
                    break
                worker = self._idle.pop()[1]
            if worker.process.poll() is None:
                return worker
            self._end(worker)  # something has killed it since
        try:
            return self._started()
        except BaseException as error:
            with self._changed:
                self._count -= 1
                self._failed = (time.monotonic(), str(error))
                self._changed.notify_all()
            if isinstance(error, NoWorkersError) and self._count:
                return self._take()  # those that run must do
            raise

    def _may_start(self) -> bool:
        recently = self._failed is not None and time.monotonic() - self._failed[0] < _PAUSE_S
        return self._count < self._most and not recently

    def _started(self) -> Worker:
        for _ in range(_STARTS):
            try:
                worker = self._keeper.start_worker()
            except (OSError, RuntimeError) as error:  # RuntimeError: no more threads
                raise NoWorkersError(str(error)) from error
            worker.work_until(time.monotonic() + _START_S)
            try:
                ready = receive(worker.answers) is not None
            except BaseException:
                self._keeper.end_worker(worker)
                raise
            worker.work_until(None)
            if ready and not worker.overran:
                return worker
            self._keeper.end_worker(worker)
        raise NoWorkersError("the worker process ends at once")

    def _end(self, worker: Worker) -> None:
        self._keeper.end_worker(worker)
        with self._changed:
            self._count -= 1
            self._changed.notify()


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


def _end_all() -> None:
    for pool in list(_pools):
        pool.end_idle()


def _forget_all() -> None:
    """In a forked process, forget the parent's workers: they serve the parent."""
    for pool in list(_pools):
        pool.reset()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
