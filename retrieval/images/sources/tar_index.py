"""Where the members of tars are, kept so that each thumbnail does not list its tar again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from retrieval.images.sources.members import Member

_MOST_MEMBERS = 2_000_000
"""Of all tars that are kept; 24 bytes each."""

_MOST_TARS = 1000


class TarIndex:
    """Offset and size of each member, by a hash of its name that only this process knows."""

    def __init__(self, members: Iterable[Member]) -> None:
        rows = [(hash(each.name), each.at, each.size) for each in members]
        table = np.array(rows, np.int64).reshape(-1, 3)
        self._table: NDArray[np.int64] = table[np.argsort(table[:, 0], kind="stable")]

    def __len__(self) -> int:
        return len(self._table)

    def find(self, name: str) -> Member | None:
        """Return the member with a name, or None."""
        key = hash(name)
        row = int(np.searchsorted(self._table[:, 0], key))
        if row == len(self._table) or self._table[row, 0] != key:
            return None
        return Member(name, int(self._table[row, 2]), 0, int(self._table[row, 1]))


@dataclass(slots=True)
class _Kept:
    version: str = ""
    index: TarIndex | None = None
    lock: Lock = field(default_factory=Lock)


class TarIndices:
    """The indices of the tars that were used last; threads may share it."""

    def __init__(self, most_members: int = _MOST_MEMBERS) -> None:
        self._most = most_members
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = Lock()

    def of(self, name: str, version: str, listed: Callable[[], Iterable[Member]]) -> TarIndex:
        """Return the index of a version of a tar; `listed` is called if it is not there."""
        with self._lock:
            kept = self._kept.setdefault(name, _Kept())
            self._kept.move_to_end(name)
        with kept.lock:
            if kept.index is None or kept.version != version:
                kept.version, kept.index = version, TarIndex(listed())
            found = kept.index
        self._forget()
        return found

    def _forget(self) -> None:
        with self._lock:
            sizes = {name: len(each.index or ()) for name, each in self._kept.items()}
            left = sum(sizes.values())
            for name, size in sizes.items():
                if left <= self._most and len(self._kept) <= _MOST_TARS:
                    return
                del self._kept[name]
                left -= size
