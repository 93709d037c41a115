"""Filters over real, odd and hostile files: cameras, places and dates as those have them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fakes import FakeEncoder

from retrieval import Library
from retrieval.query.where import matching

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def robust(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("robust")
    with Library.create(folder, FakeEncoder()) as library:
        library.add(shared_data / "robust")
        yield library


def count(library: Library, where: str) -> int:
    return library.search(None, 1, where=where).searched


def test_what_is_known_is_clean_and_possible(robust: Library) -> None:
    cameras = set()
    for row, _ in robust.images():
        cameras.add(row.camera)
        for text in (row.camera, row.lens):
            assert text == text.strip()
            assert text.isprintable()
            assert len(text) <= 100
        if row.latitude is not None:
            assert row.longitude is not None
            assert math.isfinite(row.latitude + row.longitude)
            assert abs(row.latitude) <= 90
            assert abs(row.longitude) <= 180
            assert (row.latitude, row.longitude) != (0, 0)
    assert len(cameras) > 20


def test_conditions_and_their_opposites_part_the_library(robust: Library) -> None:
    every = count(robust, "width > 0")
    assert every > 500
    for where in (
        "has gps",
        "has camera",
        "has taken",
        "camera ~ canon",
        "gps near 48.85,2.35 within 1000 km",
        "taken < 2010",
        "format = jpg",
        "orientation = portrait",
        "size > 50KB or megapixels >= 2",
    ):
        assert 0 < count(robust, where) < every, where
        assert count(robust, where) + count(robust, f"not ({where})") == every, where
    # A picture with a copy elsewhere is on both sides.
    inside = count(robust, "path in 'ianare+exif-samples'")
    assert 0 < every - count(robust, "path not in 'ianare+exif-samples'") <= inside


def test_places_are_within_the_radius(robust: Library) -> None:
    hits = robust.search(None, 1000, where="gps near 48.85,2.35 within 1000 km").hits
    near = {hit.id for hit in hits}
    for row, _ in robust.images():
        if row.latitude is not None and row.longitude is not None:
            away = matching.distance_km(row.latitude, row.longitude, 48.85, 2.35)
            assert (away <= 1000) == (row.id in near)


def test_what_is_found_has_what_was_asked_for(robust: Library) -> None:
    hits = robust.search("red", 50, where="camera ~ nikon and taken >= 2005").hits
    assert len(hits) >= 3
    assert all("nikon" in hit.camera.lower() and hit.taken >= "2005" for hit in hits)
