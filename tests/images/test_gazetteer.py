"""The nearest town of a position, against a comparison with all towns, and names of countries."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.images.gazetteer import NOWHERE, Nearby
from retrieval.images.gazetteer.names import cities_called, countries_called, country_name
from retrieval.images.gazetteer.towns import COUNTRY_KM, TOWN_KM, _points, _towns, nearby
from retrieval.query.where.matching import KM_A_DEGREE, distance_km, fold

NORTH = st.floats(-90, 90)
EAST = st.floats(-180, 180)


@pytest.mark.parametrize(
    ("north", "east", "city", "region", "country"),
    [
        (38.7139, -9.1334, "Lisbon", "Lisbon", "PT"),
        (38.69, -9.42, "Cascais", "Lisbon", "PT"),
        (40.7058, -74.0024, "New York City", "New York", "US"),  # and not its Seaport
        (52.505, 13.29, "Berlin", "State of Berlin", "DE"),
        (48.858, 2.294, "Paris", "Île-de-France", "FR"),
        (48.80, 2.13, "Versailles", "Île-de-France", "FR"),
        (47.37, 8.55, "Zürich", "Zurich", "CH"),
        (1.29, 103.85, "Singapore", "", "SG"),
        (78.2, 15.6, "Longyearbyen", "Svalbard", "SJ"),
    ],
)
def test_towns(north: float, east: float, city: str, region: str, country: str) -> None:
    assert nearby(north, east) == Nearby(city, region, country)


@pytest.mark.parametrize(
    ("north", "east"), [(0, -30), (90, 0), (-90, 180), (23, 10), (math.nan, 0), (0, math.inf)]
)
def test_far_from_any_town_there_is_none(north: float, east: float) -> None:
    assert nearby(north, east) == NOWHERE


def test_on_the_sea_near_a_coast_there_is_a_country() -> None:
    assert nearby(38.5, -10.2) == Nearby(country="PT")


def test_both_sides_of_the_antimeridian_are_near() -> None:
    assert nearby(-16.8, 180) == nearby(-16.8, -180) == nearby(-16.8, 179.99)
    assert nearby(-16.8, -179.99).country == "FJ"


@settings(max_examples=60, deadline=None)
@given(NORTH, EAST)
def test_no_town_is_overlooked(north: float, east: float) -> None:
    towns, found = _towns(), nearby(north, east)
    cosines = towns.points @ _points(np.array([north]), np.array([east]))[0]
    km = np.degrees(np.arccos(np.clip(cosines, -1, 1))) * KM_A_DEGREE
    nearest = int(km.argmin())
    assert bool(found.country) == (km[nearest] <= COUNTRY_KM)
    assert bool(found.city) == (km[nearest] <= TOWN_KM)
    if found.city:
        country, region = towns.regions[towns.region[nearest]]
        assert (found.country, found.region) == (country, region)
        same = towns.region == towns.region[nearest]
        best = np.where(same, km - towns.reach, np.inf).min()
        own = [at for at, name in enumerate(towns.names) if name == found.city and same[at]]
        assert min(km[own] - towns.reach[own]) == pytest.approx(best, abs=1e-6)


def test_the_distance_is_that_of_filters() -> None:
    towns = _towns()
    lisbon = max(
        (at for at, name in enumerate(towns.names) if name == "Lisbon"),
        key=lambda at: towns.reach[at],
    )
    north = math.degrees(math.asin(towns.points[lisbon, 2]))
    assert distance_km(north, float(towns.east[lisbon]), 38.7167, -9.1333) < 2


def test_a_lookup_takes_microseconds() -> None:
    nearby(48.0, 11.0)
    start = time.perf_counter()
    for step in range(200):
        nearby(48.0 + step / 1000, 11.0)
    assert (time.perf_counter() - start) / 200 < 0.005, "an all-against-all takes longer"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *[("portugal", "PT"), ("pt", "PT"), ("PRT", "PT"), ("Deutschland", "DE"), ("uk", "GB")],
        *[("Côte d’Ivoire", "CI"), ("日本", "JP"), ("espana", "ES"), ("Türkiye", "TR")],
    ],
)
def test_countries_have_names_in_many_languages(name: str, code: str) -> None:
    assert countries_called(lambda known: fold(known) == fold(name)) == (code,)


def test_large_cities_have_names_in_many_languages() -> None:
    def called(name: str) -> tuple[tuple[str, str], ...]:
        return cities_called(lambda known: fold(known) == fold(name))

    for name in ("Lissabon", "lisboa"):
        assert called(name) == (("Lisbon", "PT"),)
    assert cities_called(lambda known: known == "Nowhere at all") == ()


def test_every_country_of_a_town_has_a_name() -> None:
    codes = {country for country, _ in _towns().regions}
    assert len(codes) > 240
    assert all(country_name(code) for code in codes)
    assert country_name("PT") == "Portugal"
    assert country_name("XX") == ""
