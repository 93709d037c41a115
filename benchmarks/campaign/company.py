"""Two processes at work on one library."""

from __future__ import annotations

import time
from functools import partial
from random import Random
from typing import Any

from campaign.children import Child, forked
from campaign.judging import Bench, must
from campaign.operations import OPERATIONS
from campaign.outcomes import OK, Outcome, difference
from campaign.place import Place

from retrieval import Library

_ALONE = {
    *("migrate", "cache", "index", "import"),
    *("relocate", "aside", "undo", "repair", "salvage"),
}
"""Operations that need a state of their own, or whose order changes what is right."""


def two_writers(bench: Bench, random: Random) -> Outcome:
    """Let two processes write at once: one of them is refused, or waits; nothing is lost."""
    first, second = random.choices(sorted(set(OPERATIONS) - _ALONE), k=2)
    start = random.choice(("changed", "indexed"))
    one, two = OPERATIONS[first].run, OPERATIONS[second].run

    def both(place: Place) -> None:
        one(place)
        two(place)

    bench.begin(start)
    children = [Child(partial(run, bench.place)) for run in (one, two)]
    ends = [child.finish() for child in children]
    for ended in ends:
        if ended.how not in ("done", "refused"):
            return Outcome("hung" if ended.how == "hung" else "crashed", ended.said)
    for run in (one, two):  # what was refused is done now
        ended = forked(partial(run, bench.place))
        if ended.how != "done":
            return Outcome("lost", f"afterwards: {ended.said}")
    must(forked(bench.place.index))
    found = forked(bench.place.answers)
    right = bench.right(start, both, f"{first}, {second}")
    return (
        difference(found.value, right) or OK if found.how == "done" else Outcome("lost", found.said)
    )


def readers(bench: Bench, random: Random) -> Outcome:
    """Search all the time while another process indexes, switches models or rewrites caches."""
    name = random.choice(("index", "refresh", "model", "remove", "cache", "label"))
    operation = OPERATIONS[name]
    right = bench.cosines(operation.start)
    bench.start(operation.start)
    place = bench.place
    stop = place.folder / "stop"

    def reading() -> list[list[Any]]:
        found: set[tuple[Any, ...]] = set()
        while True:
            last = stop.exists()
            if Library.exists(place.library):
                found |= place.cosines()
            if last:
                return [list(row) for row in sorted(found)]
            time.sleep(0.001)

    reader = Child(reading)
    ended = forked(partial(operation.run, place))
    stop.touch()
    read = reader.finish()
    for each in (ended, read):
        if each.how != "done":
            return Outcome("crashed" if each.how == "killed" else each.how, each.said)
    strange = {tuple(row) for row in read.value} - right
    return Outcome("wrong", str(sorted(strange)[:3])) if strange else OK
