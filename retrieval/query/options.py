"""How hits are wanted: in groups, different from each other, in another order: see `arranging`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sort = Literal["date", "date-desc", "name", "size"]
SORTS: tuple[Sort, ...] = ("date", "date-desc", "name", "size")
"""Oldest first, newest first, by the file's name, largest first."""

Grouping = Literal["burst", "day", "folder"]
GROUPINGS: tuple[Grouping, ...] = ("burst", "day", "folder")

GROUPED = 1000
"""Groups are made among so many of the best."""

DIVERSE = 200
"""Different ones are picked among so many of the best."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How hits are shown; the k best are chosen first, and then sorted.

    `sort` is None for best first. `rank` stays that of the best first.
    """

    sort: Sort | None = None
    group: Grouping | None = None
    diverse: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the k best, best first, are what is wanted."""
        return not (self.sort or self.group or self.diverse)

    def depth(self, k: int) -> int:
        """Return how many hits are wanted so that k are left."""
        if self.group:
            return max(GROUPED, 10 * k)
        return max(DIVERSE, 4 * k) if self.diverse else k
