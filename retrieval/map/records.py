"""What a map is: places of pictures, and named regions of several sizes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.map.tsne import Places

Ids = NDArray[np.int64]

Layout = Literal["neighbours", "principal components"]
"""How places were found: `map.tsne`, or principal components for a handful of pictures."""

Stage = Literal["reading", "comparing", "arranging", "naming"]


@dataclass(frozen=True, slots=True)
class Drawing:
    """How far the making of a map is: `share` of the whole is 0 to 1."""

    stage: Stage
    share: float


@dataclass(frozen=True, slots=True)
class Region:
    """Pictures that lie together. `level` 0 is the coarsest; `parent` is the region it is part of.

    `x`, `y` is the middle of its pictures, `radius` reaches nine in ten of them; `picture` is the
    id of one that is typical. `parent` is a position in `Map.regions`, -1 on level 0.
    """

    name: str
    level: int
    parent: int
    x: float
    y: float
    radius: float
    count: int
    picture: int


@dataclass(frozen=True, slots=True)
class Map:
    """Pictures' ids (n,), their places (n, 2) in the unit square (y downwards), and regions.

    `region` (n,) is each picture's finest region, a position in `regions`; those stand by rising
    level. `lacking` counts pictures of the library that have no place yet.
    """

    ids: Ids
    places: Places
    region: NDArray[np.int32]
    regions: tuple[Region, ...]
    layout: Layout
    generation: int
    lacking: int = 0

    def only(self, rows: NDArray[np.int64], ids: Ids) -> Map:
        """Return the map with some of the pictures, under these ids; empty regions go."""
        places, region = self.places[rows], self.region[rows]
        members = _members(region, self.regions)
        left = [number for number, inside in enumerate(members) if len(inside)]
        new = {old: number for number, old in enumerate(left)} | {-1: -1}
        regions = tuple(
            _updated(self.regions[old], new, members[old], Placed(ids, places)) for old in left
        )
        renumbered = np.array([new.get(old, -1) for old in range(len(self.regions))], np.int32)
        region = renumbered[region] if len(region) else region
        return replace(self, ids=ids, places=places, region=region, regions=regions)


@dataclass(frozen=True, slots=True)
class Placed:
    """Ids (n,) and their places (n, 2)."""

    ids: Ids
    places: Places


def _members(region: NDArray[np.int32], regions: tuple[Region, ...]) -> list[NDArray[np.int64]]:
    """Return the rows in each region, those of its parts included."""
    order = np.argsort(region, kind="stable")
    bounds = np.searchsorted(region[order], np.arange(len(regions) + 1))
    rows = [order[start:end] for start, end in pairwise(bounds)]
    for number in range(len(regions) - 1, -1, -1):
        parent = regions[number].parent
        if parent >= 0:
            rows[parent] = np.concatenate([rows[parent], rows[number]])
    return rows


def _updated(
    region: Region, new: dict[int, int], members: NDArray[np.int64], placed: Placed
) -> Region:
    """Return a region as it is now; who stood for it and left is replaced by who is nearest."""
    picture = region.picture
    if picture not in placed.ids[members]:
        apart = placed.places[members] - (region.x, region.y)
        picture = int(placed.ids[members[int((apart**2).sum(axis=1).argmin())]])
    return replace(region, parent=new[region.parent], count=len(members), picture=picture)
