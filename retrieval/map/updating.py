"""Keeping a map in step with its library: who left goes, who came is placed, nothing else moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Snapshot
from retrieval.map.cache_file import Kept
from retrieval.map.layout import among
from retrieval.map.records import Ids

_ANEW_FROM = 0.2
"""The share of pictures that came or went from which on all are arranged anew."""


@dataclass(frozen=True, slots=True)
class Now:
    """The library's pictures at one moment: ids (n,) and contents (n,), as vectors are read."""

    snapshot: Snapshot
    ids: Ids
    contents: NDArray[np.uint64]


def trimmed(kept: Kept, now: Now) -> Kept:
    """Return the map without the pictures that the library has no more."""
    place = _places_in(now.contents, kept.contents)
    rows = np.flatnonzero(place >= 0)
    return replace(
        kept,
        map=kept.map.only(rows, now.ids[place[rows]]),
        contents=kept.contents[rows],
        arranged=kept.arranged[rows],
    )


def much_changed(kept: Kept, now: Now) -> bool:
    """Tell whether so much of what was arranged has changed that it is worth doing it again."""
    stayed = int(kept.arranged.sum())
    came, went = len(now.ids) - stayed, kept.arranged_of - stayed
    return came + went > _ANEW_FROM * kept.arranged_of


def extended(kept: Kept, now: Now, points: NDArray[np.float32]) -> Kept:
    """Return a trimmed map with the pictures that are new; `points` (n, d) are those of `now`."""
    place = _places_in(now.contents, kept.contents)
    new = np.setdiff1d(np.arange(len(now.ids)), place)
    places = np.empty((len(now.ids), 2), np.float32)
    region = np.empty(len(now.ids), np.int32)
    arranged = np.zeros(len(now.ids), np.bool_)
    places[place], region[place] = kept.map.places, kept.map.region
    arranged[place] = kept.arranged
    places[new], nearest = among(points[place], kept.map.places, points[new])
    region[new] = kept.map.region[nearest]
    grown = replace(kept.map, ids=now.ids, places=places, region=region)
    grown = grown.only(np.arange(len(now.ids)), now.ids)
    return replace(kept, map=grown, contents=now.contents, arranged=arranged)


def dated(kept: Kept, now: Now) -> Kept:
    """Return a map that is up to date as such."""
    drawn = replace(kept.map, generation=now.snapshot.generation)
    return replace(kept, map=drawn, snapshot=now.snapshot)


def _places_in(among_them: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return where each of (m,) values stands among (n,) different ones, -1 where it does not."""
    if not len(among_them):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(among_them)
    at = order[np.searchsorted(among_them[order], wanted).clip(0, len(order) - 1)]
    return np.where(among_them[at] == wanted, at, -1).astype(np.int64)
