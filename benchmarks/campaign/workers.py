"""Worker processes of decoders that something outside kills: a full memory, a system that ends."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import partial
from itertools import count
from random import Random
from typing import Any

from campaign.children import forked
from campaign.judging import Bench
from campaign.outcomes import Outcome
from campaign.place import with_workers

from retrieval.images.isolation.process import Worker

_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
_SHARE, _MESSAGES = 0.1, 1000


def workers_killed(bench: Bench, random: Random) -> Outcome:
    """Kill workers before and after random messages of an index; a later run has it all."""
    place = bench.place
    state = random.choice(("new", "changed"))
    right = bench.right(state)
    bench.begin(state)
    ended = forked(place.index, partial(_prepare, random.random()))
    if ended.how != "done":
        how = {"refused": "lost", "killed": "crashed"}.get(ended.how, ended.how)
        return Outcome(how, ended.said)
    return bench.judge(state, right)


def _prepare(seed: float) -> None:
    """Let this process decode in workers, and kill some of those that it talks to."""
    with_workers()
    random = Random(seed)
    at = {random.randrange(4, 12)}  # one at least
    at |= {number for number in range(_MESSAGES) if random.random() < _SHARE}
    changed: Any = Worker
    work_until, numbers = changed.work_until, count()

    def begin_or_end(worker: Worker, deadline: float | None) -> float:
        """Set the clock of a message, which each conversation does before and after each one."""
        if next(numbers) in at:
            _kill(worker.process.pid, random)
        left: float = work_until(worker, deadline)
        return left

    changed.work_until = begin_or_end


def _kill(process: int, random: Random) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, random.choice(_SIGNALS))
