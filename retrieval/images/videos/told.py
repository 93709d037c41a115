"""What the metadata of a video's container tells: date, position, camera, texts.

Values that cannot be read count as absent. The names are those of QuickTime and Matroska, and those
that Apple's and Android's cameras write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from retrieval.images.exif_values import camera_name, clean, iso_date
from retrieval.images.name_dates import FIRST_PHOTOGRAPH

_APPLE, _ANDROID = "com.apple.quicktime.", "com.android."
_MAKES = (f"{_APPLE}make", f"{_ANDROID}manufacturer", "make")
_MODELS = (f"{_APPLE}model", f"{_ANDROID}model", "model")
_PLACES = (f"{_APPLE}location.iso6709", "location", "location-eng")
_TEXTS = ("title", "description", "comment", "synopsis", "keywords")
_LONGEST = 2000
_ISO_6709 = re.compile(r"([+-]\d{1,3}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)(?:[+-]\d+(?:\.\d+)?)?/?.*")
_ZERO_YEARS = (1904, 1970)
"""What clocks that were never set write: the first years of QuickTime's time and of Unix's."""


def facts_told(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return `taken`, `camera`, `latitude` and `longitude`, as far as the metadata has them."""
    told = {name.lower(): value for name, value in metadata.items()}
    facts: dict[str, Any] = {
        "taken": _taken(told),
        "camera": camera_name(_first(told, _MAKES), _first(told, _MODELS)),
    }
    place = _position(_first(told, _PLACES))
    if place is not None:
        facts["latitude"], facts["longitude"] = place
    return facts


def words_told(metadata: Mapping[str, str]) -> str:
    """Return the titles and descriptions in the metadata, one per line."""
    told = {name.lower(): value for name, value in metadata.items()}
    lines = (" ".join(told[name].split()) for name in _TEXTS if told.get(name))
    return "\n".join(dict.fromkeys(line for line in lines if clean(line)))[:_LONGEST]


def _first(told: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((told[name] for name in names if told.get(name)), "")


def _taken(told: Mapping[str, str]) -> str:
    """Return the local time at which a video was taken; "" if it is unknown.

    Apple's cameras write local time with its offset. All others write UTC: this machine's time zone
    then stands for that of the camera.
    """
    local = iso_date(told.get(f"{_APPLE}creationdate", ""))
    if local:
        return local
    try:
        written = datetime.fromisoformat(told.get("creation_time", ""))
        if written.tzinfo is None:
            written = written.replace(tzinfo=UTC)
        here = written.astimezone()
    except (ValueError, OverflowError, OSError):
        return ""
    if written.year in _ZERO_YEARS or here.year < FIRST_PHOTOGRAPH:
        return ""
    return here.replace(tzinfo=None, microsecond=0).isoformat()


def _position(written: str) -> tuple[float, float] | None:
    """Return degrees north and east from ISO 6709's form "+38.7223-009.1393/"; None if invalid."""
    found = _ISO_6709.fullmatch(written.strip())
    if found is None:
        return None
    latitude, longitude = float(found[1]), float(found[2])
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude, longitude) == (0, 0):
        return None
    return latitude, longitude
