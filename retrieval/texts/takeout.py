"""Reads the JSON that Google Photos exports beside each picture (Takeout)."""

from __future__ import annotations

import json
import math
import time
from typing import Any

from retrieval.catalogue import SIDECAR
from retrieval.catalogue.sidecars import SidecarTold
from retrieval.images.names_told import people_of
from retrieval.query.fields import Facts

_ONLY_GOOGLES = {"photoTakenTime", "geoData"}
_FIRST, _LAST = -2_000_000_000, 7_000_000_000  # seconds since 1970: the years 1906 to 2191


def read_takeout(data: bytes) -> SidecarTold:
    """Return description and people, each on a line, and the facts; nothing for other JSON."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return SidecarTold(SIDECAR)
    if not isinstance(found, dict) or not _ONLY_GOOGLES & found.keys():
        return SidecarTold(SIDECAR)
    people = found.get("people")
    listed = people if isinstance(people, list) else []
    names = people_of(_line(_get(each, "name")) for each in listed)
    lines = [_line(found.get("description")), ", ".join(names)]
    taken = _local_time(_get(found.get("photoTakenTime"), "timestamp"))
    places = (_place(found.get(name)) for name in ("geoData", "geoDataExif"))
    latitude, longitude = next((place for place in places if place is not None), (None, None))
    facts = Facts(taken=taken, latitude=latitude, longitude=longitude, people=names)
    text = "\n".join(dict.fromkeys(filter(None, lines)))
    return SidecarTold(SIDECAR, text, facts, favourite=found.get("favorited") is True)


def _get(found: Any, name: str) -> Any:
    return found.get(name) if isinstance(found, dict) else None


def _line(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    text = value.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _local_time(value: Any) -> str:
    """Return a time in seconds since 1970 as local time, as the dates of files are read."""
    try:
        seconds = int(value)
    except (ValueError, TypeError, OverflowError):
        return ""
    if not seconds or not _FIRST < seconds < _LAST:
        return ""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(seconds))


def _place(value: Any) -> tuple[float, float] | None:
    """Return degrees north and east; Google writes 0, 0 for an unknown place."""
    north, east = _get(value, "latitude"), _get(value, "longitude")
    if not isinstance(north, int | float) or not isinstance(east, int | float):
        return None
    if not (math.isfinite(north) and abs(north) <= 90 and math.isfinite(east) and abs(east) <= 180):
        return None
    return (float(north), float(east)) if north or east else None
