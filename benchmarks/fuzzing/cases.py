"""What all targets share: the type of a case, limits, and a small library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from campaign.place import Place, fake_models, paint_first

from retrieval.images import ReadLimits

ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252", "utf-32", "latin-1")


Case = Callable[[Random], object]
LIMITS = ReadLimits(max_megapixels=4)


def small_library(folder: Path) -> str:
    """Make a small library and return its folder."""
    place = Place(folder / "place")
    fake_models()
    paint_first(place.pictures, 12)
    place.index()
    place.annotate()
    place.draw_map()
    return place.library
