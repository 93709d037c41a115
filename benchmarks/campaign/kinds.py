"""All kinds of faults: to add one, write a function and give it a line in `KINDS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from campaign.changes import changed_while_read, clock_back
from campaign.company import readers, two_writers
from campaign.damages import damaged
from campaign.disks import disk_full, size_limit
from campaign.judging import Bench
from campaign.kills import killed, killed_again_and_again
from campaign.operations import OPERATIONS
from campaign.outcomes import Outcome
from campaign.permissions import permission_lost, read_only
from campaign.serving import changed_while_served
from campaign.workers import workers_killed


@dataclass(frozen=True)
class Kind:
    """A kind of fault: what it is in words, and the trial; `mounts` if it mounts small disks."""

    what: str
    trial: Callable[[Bench, Random], Outcome]
    share: int = 1  # trials of it beside one of the others
    mounts: bool = False


_DAMAGES = {"cut": "cut short", "flip": "one bit", "zero": "zeroed", "noise": "overwritten"}

KINDS: dict[str, Kind] = {
    **{
        f"kill-{name}": Kind(f"`kill -9` during: {name}", partial(killed, name))
        for name in OPERATIONS
    },
    "kill-again": Kind("`kill -9` ten times in one index", killed_again_and_again),
    **{
        f"cache-{name}": Kind(f"a file beside the catalogue: {what}", partial(
            damaged, name, catalogue=False), share=4)
        for name, what in _DAMAGES.items()
    },
    **{
        f"catalogue-{name}": Kind(f"the catalogue: {what}", partial(
            damaged, name, catalogue=True), share=4)
        for name, what in _DAMAGES.items()
    },
    "changed": Kind("a picture changed while it is read", changed_while_read, share=2),
    "served": Kind("a picture changed while it is served", changed_while_served, share=2),
    "workers": Kind("decoders' worker processes killed", workers_killed),
    "clock": Kind("the clock set back", clock_back),
    "writers": Kind("two writers at once", two_writers),
    "readers": Kind("searches through everything", readers),
    "limit": Kind("no file may grow beyond a size", size_limit, share=2),
    "full": Kind("a full disk", disk_full, share=2, mounts=True),
    "read-only": Kind("a read-only library", read_only),
    "permission": Kind("permission lost midway", permission_lost, share=2),
}  # fmt: skip
