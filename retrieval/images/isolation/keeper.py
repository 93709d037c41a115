"""A thread that starts the workers of a pool, and kills those whose time is up.

Linux kills a worker when the thread that started it ends, so one lasting thread starts them all.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from retrieval.images.isolation.process import Worker, start

_TICK_S = 0.2
_STILL_S = 5.0
"""A tick that comes so much later shows that everything stood still: Ctrl-Z, or a machine that is
far too busy. That time is not the workers'."""


class Keeper:
    """The thread; it starts with the first worker and lasts as long as this process.

    It calls `tidy` a few times a second while there are workers.
    """

    def __init__(self, tidy: Callable[[], None]) -> None:
        self._tidy = tidy
        self._changed = threading.Condition()
        self._wanted: deque[Future[Worker]] = deque()
        self._workers: set[Worker] = set()
        self._thread: threading.Thread | None = None

    def start_worker(self) -> Worker:
        """Start a worker and return it; raises OSError or RuntimeError if the system refuses."""
        future: Future[Worker] = Future()
        with self._changed:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="pixtrieve-workers", daemon=True)
                thread.start()
                self._thread = thread
            self._wanted.append(future)
            self._changed.notify()
        return future.result()

    def end_worker(self, worker: Worker) -> None:
        """Kill a worker and stop looking after it."""
        with self._changed:
            self._workers.discard(worker)
        worker.end()

    def _run(self) -> None:
        ticked = time.monotonic()
        while True:
            with self._changed:
                if not self._wanted:
                    self._changed.wait(_TICK_S if self._workers else None)
                wanted, self._wanted = self._wanted, deque()
                workers = list(self._workers)
            late, ticked = time.monotonic() - ticked - _TICK_S, time.monotonic()
            for worker in workers:
                worker.check(late if late > _STILL_S else 0.0)
            self._tidy()
            for future in wanted:
                self._start(future)

    def _start(self, future: Future[Worker]) -> None:
        try:
            worker = start()
        except Exception as error:
            future.set_exception(error)
            return
        with self._changed:
            self._workers.add(worker)
        future.set_result(worker)
