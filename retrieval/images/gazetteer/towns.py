"""The nearest town of a position, among 155,000: a few tens of microseconds each.

Towns are sorted by bands of one degree of latitude, and by longitude within a band. So those near a
position are in a few slices, which are compared by their distances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from retrieval.images.gazetteer import NOWHERE, Nearby
from retrieval.images.gazetteer.names import file_of
from retrieval.query.where.matching import KM_A_DEGREE

TOWNS = "towns.npz"
SCALE = 100_000
"""Degrees are stored as whole numbers: a hundred thousandth is a metre."""

TOWN_KM, COUNTRY_KM = 50.0, 100.0
"""How far the nearest town may be for its name to be told, and for its country's alone."""

_REACH_A_ROOT, _MOST_REACH = 0.006, 15.0
"""A town reaches further by 0.006 km for each root of its people: a million makes 6 km."""


def band_of(north: float) -> int:
    """Return the number of a band of latitude, 0 to 180."""
    return math.floor(north + 90)


@dataclass(frozen=True, slots=True)
class _Towns:
    """n towns by band: unit vectors (n, 3), degrees east and reach in km (n,), starts of bands."""

    points: NDArray[np.float64]
    east: NDArray[np.float64]
    bands: NDArray[np.int64]
    reach: NDArray[np.float64]
    region: NDArray[np.uint16]
    names: tuple[str, ...]
    regions: tuple[tuple[str, str], ...]


@lru_cache(maxsize=4096)
def nearby(north: float, east: float) -> Nearby:
    """Return the town at a position in degrees: the nearest in its region, large ones preferred.

    Within a city, its quarters are nearest; so each town of the region counts as nearer by what it
    reaches (`_REACH_A_ROOT`). `NOWHERE` far from any town, and for a position that is none.
    """
    if not (math.isfinite(north) and math.isfinite(east) and abs(north) <= 90):
        return NOWHERE
    towns, east = _towns(), (east + 180) % 360 - 180
    near, km = _within(towns, north, east, 2 * _MOST_REACH)
    if not len(near) or km.min() > _MOST_REACH:
        near, km = _within(towns, north, east, COUNTRY_KM)
    if not len(near):
        return NOWHERE
    first = int(km.argmin())
    number = towns.region[near[first]]
    country, region = towns.regions[number]
    if km[first] > TOWN_KM:
        return Nearby(country=country)
    same = np.flatnonzero((towns.region[near] == number) & (km <= TOWN_KM))
    best = same[(km[same] - towns.reach[near[same]]).argmin()]
    return Nearby(towns.names[near[best]], region, country)


def _within(
    towns: _Towns, north: float, east: float, most_km: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the numbers (m,) of the towns within a distance, and their distances in km (m,)."""
    angle = most_km / KM_A_DEGREE
    around, flat = math.sin(math.radians(angle)), math.cos(math.radians(north))
    wide = 180.0 if flat <= around else math.degrees(math.asin(around / flat))
    found = []
    for band in range(max(band_of(north - angle), 0), min(band_of(north + angle), 180) + 1):
        start, end = towns.bands[band], towns.bands[band + 1]
        within = towns.east[start:end]
        for turn in (-360, 0, 360) if wide < 180 else (0,):  # the antimeridian
            first, last = within.searchsorted((east - wide + turn, east + wide + turn))
            if first < last:
                found.append(np.arange(start + first, start + last))
    near = np.concatenate(found) if found else np.empty(0, np.int64)
    cosines = towns.points[near] @ _points(np.array([north]), np.array([east]))[0]
    km = np.degrees(np.arccos(np.clip(cosines, -1, 1))) * KM_A_DEGREE
    inside = km <= most_km
    return near[inside], km[inside]


@cache
def _towns() -> _Towns:
    with np.load(file_of(TOWNS), allow_pickle=False) as file:
        north, east = file["north"] / SCALE, file["east"] / SCALE
        people, region = file["people"], file["region"]
        names = bytes(file["names"]).decode().split("\n")
        regions = bytes(file["regions"]).decode().split("\n")
    pairs = (line.partition("\t") for line in regions)
    return _Towns(
        _points(north, east),
        east,
        np.searchsorted(np.floor(north + 90), np.arange(182)),
        np.minimum(_REACH_A_ROOT * np.sqrt(np.maximum(people, 0)), _MOST_REACH),
        region,
        tuple(names),
        tuple((country, name) for country, _, name in pairs),
    )


def _points(north: NDArray[np.float64], east: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit vectors (n, 3) of positions in degrees."""
    up, around = np.radians(north), np.radians(east)
    flat = np.cos(up)
    return np.stack([flat * np.cos(around), flat * np.sin(around), np.sin(up)], axis=1)
