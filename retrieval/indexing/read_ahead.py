"""Runs work in threads ahead of its consumer, in order and with bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int, depth: Callable[[], int]
) -> Generator[tuple[Item, Result], None, None]:
    """Yield each item with `work(item)`, in the order given, at most `depth()` items ahead.

    Closing the iterator cancels work that has not started and waits for the rest.
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    executor = ThreadPoolExecutor(threads, thread_name_prefix="pixtrieve-read")
    try:
        for item in items:
            waiting.append((item, executor.submit(work, item)))
            if len(waiting) >= depth():
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
