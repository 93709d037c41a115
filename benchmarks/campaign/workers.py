"""Worker processes of decoders that something outside kills: a full memory, a system that ends."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

from campaign.children import forked
from campaign.judging import Bench
from campaign.outcomes import Outcome
from campaign.place import with_workers

from retrieval.images.isolation.process import Worker

_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
_SHARE = 0.1


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
    changed: Any = Worker
    work_until = changed.work_until

    def begin_or_end(worker: Worker, deadline: float | None) -> None:
        """Set the clock of a message, which each conversation does before and after each one."""
        if random.random() < _SHARE:
            _kill(worker.process.pid, random)
        work_until(worker, deadline)

    changed.work_until = begin_or_end


def _kill(process: int, random: Random) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, random.choice(_SIGNALS))
