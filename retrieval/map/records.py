"""Records of a map: positions of pictures, and named regions of several sizes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.map.tsne import Positions

Ids = NDArray[np.int64]

Layout = Literal["neighbours", "principal components"]
"""The method for positions: `map.tsne`, or principal components for a handful of pictures."""

Stage = Literal["reading", "comparing", "arranging", "naming"]


@dataclass(frozen=True, slots=True)
class MapProgress:
    """The progress of computing a map; `share` of the whole is 0 to 1."""

    stage: Stage
    share: float


@dataclass(frozen=True, slots=True)
class Region:
    """Pictures that lie together. `level` 0 is the coarsest; `parent` is the region it is part of.

    `name` is what most of its pictures show, "" if there is no text that says it.

    `x`, `y` is the median position of its pictures, and nine in ten of them lie within `radius`.
    `picture` is the id of a typical one. `parent` is an index into `Map.regions`, -1 on level 0.
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
    """Picture ids (n,), their positions (n, 2) in the unit square (y downwards), and regions.

    `region` (n,) is each picture's finest region, an index into `regions`, which are sorted by
    level. `unplaced` counts the pictures of the library that have no position yet.
    """

    ids: Ids
    positions: Positions
    region: NDArray[np.int32]
    regions: tuple[Region, ...]
    layout: Layout
    generation: int
    unplaced: int = 0

    def only(self, rows: NDArray[np.int64], ids: Ids) -> Map:
        """Return the map with some of the pictures, under these ids; drops empty regions."""
        positions, region = self.positions[rows], self.region[rows]
        members = _members(region, self.regions)
        left = [number for number, inside in enumerate(members) if len(inside)]
        new = {old: number for number, old in enumerate(left)} | {-1: -1}
        regions = tuple(
            _updated(self.regions[old], new, members[old], PlacedPictures(ids, positions))
            for old in left
        )
        renumbered = np.array([new.get(old, -1) for old in range(len(self.regions))], np.int32)
        region = renumbered[region] if len(region) else region
        return replace(self, ids=ids, positions=positions, region=region, regions=regions)


@dataclass(frozen=True, slots=True)
class PlacedPictures:
    """Ids (n,) and their positions (n, 2)."""

    ids: Ids
    positions: Positions


def _members(region: NDArray[np.int32], regions: tuple[Region, ...]) -> list[NDArray[np.int64]]:
    """Return the rows in each region, including those of its parts."""
    order = np.argsort(region, kind="stable")
    bounds = np.searchsorted(region[order], np.arange(len(regions) + 1))
    rows = [order[start:end] for start, end in pairwise(bounds)]
    for number in range(len(regions) - 1, -1, -1):
        parent = regions[number].parent
        if parent >= 0:
            rows[parent] = np.concatenate([rows[parent], rows[number]])
    return rows


def _updated(
    region: Region, new: dict[int, int], members: NDArray[np.int64], placed: PlacedPictures
) -> Region:
    """Return the updated region; if its typical picture was removed, the nearest replaces it."""
    picture = region.picture
    if picture not in placed.ids[members]:
        apart = placed.positions[members] - (region.x, region.y)
        picture = int(placed.ids[members[int((apart**2).sum(axis=1).argmin())]])
    return replace(region, parent=new[region.parent], count=len(members), picture=picture)
