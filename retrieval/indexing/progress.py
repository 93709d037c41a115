"""What an indexing run says of itself while it goes on, and how it is asked to go."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal

from retrieval.images import ReadLimits
from retrieval.indexing.stopwatch import Spent

Phase = Literal["scan", "calibrate", "encode", "done"]
"""`calibrate`: the model is shown pictures, before the first is encoded, if it wants that."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What has happened so far; counts of files unless said otherwise.

    `reused` files have a content that is known already: moved, renamed or copied. `encoded` is
    the number of pictures that went through the model, `read_bytes` the size of the files read.
    `told` is the number of pictures whose texts were put together, `described` of those whose
    descriptions went through the model.
    """

    found: int = 0
    pending: int = 0
    handled: int = 0
    encoded: int = 0
    reused: int = 0
    removed: int = 0
    bad: int = 0
    unsupported: int = 0
    transient: int = 0
    read_bytes: int = 0
    told: int = 0
    described: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something the person who indexes should know of: a path and a reason."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an indexing run stands.

    `missing` are roots that were not there, or empty as the mount point of an unplugged drive is
    (their pictures stay searchable), `unseen` folders that
    could not be looked into, `problems` the files that this run could not use, `waiting` the paths
    of those that may still be being written (`IndexOptions`). All four are
    filled in the last record only, whose phase is "done". `stopped` says that it ended early, on
    request. `seconds` is the run's time until now, `spent` where it went.
    """

    phase: Phase
    root: str
    tally: Tally
    seconds: float
    missing: tuple[Trouble, ...] = ()
    unseen: tuple[Trouble, ...] = ()
    problems: tuple[Trouble, ...] = ()
    waiting: tuple[str, ...] = ()
    stopped: bool = False
    spent: Spent = field(default_factory=Spent)


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """How to index.

    `batch_size` is in pictures (None: what the model likes), `threads` read and decode, `limits`
    say what a picture may cost, and vectors of pictures that are gone are kept for
    `keep_orphans_days`. Files that changed less than `settle_s` seconds ago, and those that cannot
    be used and changed less than `settle_broken_s` ago, are left as they are, for they may still
    be being written; the last record of the run names them.
    """

    batch_size: int | None = None
    threads: int = field(default_factory=lambda: min(os.cpu_count() or 1, 16))
    limits: ReadLimits = field(default_factory=ReadLimits)
    keep_orphans_days: float = 30.0
    settle_s: float = 0.0
    settle_broken_s: float = 0.0
