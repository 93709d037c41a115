"""Options and progress records of an indexing run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal

from retrieval.images import ReadLimits
from retrieval.indexing.stopwatch import Spent

Phase = Literal["scan", "calibrate", "encode", "done"]
"""`calibrate`: an encoder that needs calibration gets it before the first picture is encoded."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of a run so far, in files unless stated otherwise.

    `reused` files have content that the library already knows: they were moved, renamed or copied.
    `encoded` counts the pictures that the model encoded, `read_bytes` the bytes of the files read.
    `texts_updated` counts the pictures whose texts were collected again, `described` those whose
    descriptions the model encoded. `unread_videos` are those among the `unsupported` that the extra
    `video` would read.
    """

    found: int = 0
    pending: int = 0
    handled: int = 0
    encoded: int = 0
    reused: int = 0
    removed: int = 0
    bad: int = 0
    unsupported: int = 0
    unread_videos: int = 0
    transient: int = 0
    read_bytes: int = 0
    texts_updated: int = 0
    described: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something to report to the user: a path and a reason."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of an indexing run.

    `missing` lists roots that do not exist, or are empty like the mount point of an unplugged
    drive; their pictures stay searchable. `unreadable` lists folders that could not be read,
    `problems` the files that this run could not use or that were named but are no pictures, and
    `waiting` the paths of files that may still be being written (`IndexOptions`). Only the last
    record, whose phase is "done", fills these four. `stopped` says that the run ended early, on
    request. `seconds` is the run time so far, `spent` its share for each stage.
    """

    phase: Phase
    root: str
    tally: Tally
    seconds: float
    missing: tuple[Trouble, ...] = ()
    unreadable: tuple[Trouble, ...] = ()
    problems: tuple[Trouble, ...] = ()
    waiting: tuple[str, ...] = ()
    stopped: bool = False
    spent: Spent = field(default_factory=Spent)


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """Options of an indexing run.

    `batch_size` is in pictures; None uses the model's default. `threads` is the number of threads
    that read and decode. `limits` bound what one picture may cost. Vectors of deleted pictures are
    kept for `keep_orphans_days`. The run skips files that changed less than `settle_s` seconds
    ago, and unusable files that changed less than `settle_broken_s` seconds ago, because they may
    still be being written; its last record lists them. `index` is how the library is to be searched
    from now on: "exact", "ivf" (approximate, in clusters), or "auto", which turns to clusters where
    exact answers take more than 50 ms; None changes nothing. With `retry`, files that could not be
    used are read again even if they have not changed.
    """

    batch_size: int | None = None
    threads: int = field(default_factory=lambda: min(os.cpu_count() or 1, 16))
    limits: ReadLimits = field(default_factory=ReadLimits)
    keep_orphans_days: float = 30.0
    settle_s: float = 0.0
    settle_broken_s: float = 0.0
    index: str | None = None
    retry: bool = False
