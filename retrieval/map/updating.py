"""Keeps a map in step with its library: removes and places pictures without moving the others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Snapshot
from retrieval.map.cache_file import CachedMap
from retrieval.map.layout import place_among
from retrieval.map.records import Ids

_REBUILD_SHARE = 0.2
"""The map is computed again when this share of its pictures has been added or removed."""


@dataclass(frozen=True, slots=True)
class LibraryState:
    """The library's pictures at one moment: ids (n,) and contents (n,), in the order of vectors."""

    snapshot: Snapshot
    ids: Ids
    contents: NDArray[np.uint64]


def trimmed(cached: CachedMap, state: LibraryState) -> CachedMap:
    """Return the map without the pictures that the library no longer has."""
    indices = _indices_in(state.contents, cached.contents)
    rows = np.flatnonzero(indices >= 0)
    return replace(
        cached,
        map=cached.map.only(rows, state.ids[indices[rows]]),
        contents=cached.contents[rows],
        arranged=cached.arranged[rows],
    )


def needs_rebuild(cached: CachedMap, state: LibraryState) -> bool:
    """Tell whether enough pictures changed since the last full computation to do it again."""
    stayed = int(cached.arranged.sum())
    came, went = len(state.ids) - stayed, cached.arranged_of - stayed
    return came + went > _REBUILD_SHARE * cached.arranged_of


def extended(cached: CachedMap, state: LibraryState, points: NDArray[np.float32]) -> CachedMap:
    """Return a trimmed map with the new pictures; `points` (n, d) are those of `state`."""
    indices = _indices_in(state.contents, cached.contents)
    new = np.setdiff1d(np.arange(len(state.ids)), indices)
    positions = np.empty((len(state.ids), 2), np.float32)
    region = np.empty(len(state.ids), np.int32)
    arranged = np.zeros(len(state.ids), np.bool_)
    positions[indices], region[indices] = cached.map.positions, cached.map.region
    arranged[indices] = cached.arranged
    positions[new], nearest = place_among(points[indices], cached.map.positions, points[new])
    region[new] = cached.map.region[nearest]
    grown = replace(cached.map, ids=state.ids, positions=positions, region=region)
    grown = grown.only(np.arange(len(state.ids)), state.ids)
    return replace(cached, map=grown, contents=state.contents, arranged=arranged)


def stamped(cached: CachedMap, state: LibraryState) -> CachedMap:
    """Return the map marked as up to date with a state of the library."""
    drawn = replace(cached.map, generation=state.snapshot.generation)
    return replace(cached, map=drawn, snapshot=state.snapshot)


def _indices_in(values: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the index of each of the (m,) wanted values in (n,) distinct values, -1 if absent."""
    if not len(values):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(values)
    at = order[np.searchsorted(values[order], wanted).clip(0, len(order) - 1)]
    return np.where(values[at] == wanted, at, -1).astype(np.int64)
