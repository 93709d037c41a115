"""Regions: pictures that lie together, in two or three sizes; large ones consist of small ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.map.records import PlacedPictures, Region
from retrieval.map.tsne import Positions
from retrieval.stores.clustering import k_means

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

_SIZES = ((120, 14), (25, 90), (60, 600))
"""For each level: the number of pictures per region, and the maximum number of regions."""

_MIN_GROWTH = 2.5
_FEATURE_WEIGHT = 0.5
"""The weight of what regions show, beside their positions, when they are merged to larger ones."""

_RADIUS_QUANTILE = 0.9


@dataclass(frozen=True, slots=True)
class Level:
    """The region (n,) of each picture on one level, and the mean (r, d) and size (r,) of each."""

    region: Labels
    means: Floats
    sizes: Labels


def levels_of(points: Floats, positions: Positions) -> list[Level]:
    """Return the levels, the coarsest first. Each region is part of one of the level before."""
    counts = _counts(len(points))
    if not counts:
        return []
    finest = _without_gaps(k_means(positions, counts[-1]))
    found = [_level(finest, points)]
    middles = _means(finest, positions)
    for count in reversed(counts[:-1]):
        below = found[0]
        spread = max(float(below.means.std(axis=0).sum()), 1e-9)
        shown = below.means / spread * float(middles.std(axis=0).sum()) * _FEATURE_WEIGHT
        features = np.hstack([middles, shown]).astype(np.float32)
        grouped = _without_gaps(k_means(features, count, below.sizes.astype(np.float32)))
        found.insert(0, _level(grouped[below.region], points))
        middles = _means(found[0].region, positions)
    return found


def build_regions(
    levels: list[Level], names: list[list[str]], points: Floats, pictures: PlacedPictures
) -> tuple[tuple[Region, ...], NDArray[np.int32]]:
    """Return all regions, the coarsest first, and the index (n,) of each picture's finest one."""
    found: list[Region] = []
    above: Labels | None = None
    offset = 0
    for number, level in enumerate(levels):
        order = np.argsort(level.region, kind="stable")
        ends = np.cumsum(level.sizes)
        for one, rows in enumerate(np.split(order, ends[:-1])):
            x, y = np.median(pictures.positions[rows], axis=0).tolist()
            distances = np.hypot(*(pictures.positions[rows] - (x, y)).T)
            typical = rows[int(((points[rows] - level.means[one]) ** 2).sum(axis=1).argmin())]
            found.append(
                Region(
                    name=names[number][one],
                    level=number,
                    parent=-1 if above is None else int(above[rows[0]]),
                    x=x,
                    y=y,
                    radius=float(np.quantile(distances, _RADIUS_QUANTILE)),
                    count=len(rows),
                    picture=int(pictures.ids[typical]),
                )
            )
        above = level.region + offset
        offset = len(found)
    finest = np.zeros(len(points), np.int32) if above is None else above.astype(np.int32)
    return tuple(found), finest


def _counts(pictures: int) -> list[int]:
    """Return the number of regions per level; levels that would add little are left out."""
    found: list[int] = []
    if not pictures:
        return found
    for size, most in _SIZES:
        count = min(max(round(pictures / size), 1), most, pictures)
        if not found or count >= found[-1] * _MIN_GROWTH:
            found.append(count)
    return found


def _level(region: Labels, points: Floats) -> Level:
    return Level(region, _means(region, points), np.bincount(region))


def _means(region: Labels, values: Floats) -> Floats:
    sizes = np.bincount(region)
    columns = [np.bincount(region, values[:, column]) for column in range(values.shape[1])]
    return np.asarray(np.stack(columns, axis=1) / sizes[:, None], np.float32)


def _without_gaps(region: Labels) -> Labels:
    return np.unique(region, return_inverse=True)[1].astype(np.int64)
