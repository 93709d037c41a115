"""Operations that are killed at random moments."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from random import Random

from campaign import examining
from campaign.children import Child, kill_at
from campaign.judging import Bench
from campaign.operations import OPERATIONS, prepared
from campaign.outcomes import Outcome


def killed(name: str, bench: Bench, random: Random) -> Outcome:
    """Kill an operation, at one of its moments or after a random time."""
    operation = OPERATIONS[name]
    again = operation.again or operation.run
    moments, seconds = bench.measured(name)
    with prepared(name):
        right = bench.right(operation.start, again, name)
        bench.begin(operation.start)
        work = partial(operation.run, bench.place)
        if random.random() < 0.6:
            child = Child(work, kill_at(str(bench.place.folder), random.randint(1, moments)))
        else:
            child = Child(work)
            time.sleep(random.uniform(0, seconds * 1.1))
            child.kill()
        ended = child.finish()
        if ended.how in ("crashed", "hung"):
            return Outcome(ended.how, ended.said)
        if gone := operation.lacks(bench.place):
            return Outcome("lost", f"at once: {gone}")
        doctor = examining.Diagnosis("") if operation.damaged else examining.of_sound(bench.place)
        outcome = bench.judge(operation.start, right, again)
        if gone := operation.lacks(bench.place):
            return Outcome("lost", f"in the end: {gone}")
        return replace(outcome, doctor=doctor.how, diagnosis=doctor.said)


def killed_again_and_again(bench: Bench, random: Random) -> Outcome:
    """Kill indexing at ten moments, each run going on where the last one ended."""
    moments, _ = bench.measured("index")
    right = bench.right("new")
    bench.begin("new")
    for _ in range(10):
        Child(
            bench.place.index, kill_at(str(bench.place.folder), random.randint(5, moments))
        ).finish()
    return bench.judge("new", right)
