"""Reads the JSON that Google Photos exports beside each picture (Takeout): texts, date, place."""

from __future__ import annotations

import json
import math
import time
from typing import Any

from retrieval.query.fields import Facts

_FIRST, _LAST = -2_000_000_000, 7_000_000_000  # seconds since 1970: the years 1906 to 2191


def read_takeout(data: bytes) -> tuple[str, Facts]:
    """Return description and people, each on a line, and the facts; nothing for other JSON."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return "", Facts()
    if not isinstance(found, dict) or not {"photoTakenTime", "geoData"} & found.keys():
        return "", Facts()
    people = found.get("people")
    names = [_line(_get(each, "name")) for each in people] if isinstance(people, list) else []
    lines = [_line(found.get("description")), ", ".join(dict.fromkeys(filter(None, names)))]
    taken = _local_time(_get(found.get("photoTakenTime"), "timestamp"))
    places = (_place(found.get(name)) for name in ("geoData", "geoDataExif"))
    latitude, longitude = next((place for place in places if place is not None), (None, None))
    facts = Facts(taken=taken, latitude=latitude, longitude=longitude)
    return "\n".join(dict.fromkeys(filter(None, lines))), facts


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
