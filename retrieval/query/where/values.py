"""Values of a written filter: what a word means to a field, or why it cannot be that."""

from __future__ import annotations

import re
from datetime import date, time

from retrieval.query.where.conditions import FIELDS, ORIENTATIONS, Value

_NUMBER = re.compile(r"([+-]?\d{1,15}(?:\.\d{1,9})?)\s*([a-zA-Z]*)", re.ASCII)
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?)?)?", re.ASCII | re.IGNORECASE
)
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BYTES |= {"kib": 2**10, "mib": 2**20, "gib": 2**30}
_UNITS = {
    "size": _BYTES,
    "width": {"": 1, "px": 1},
    "height": {"": 1, "px": 1},
    "megapixels": {"": 1, "mp": 1},
}
_KILOMETRES = {"m": 0.001, "km": 1.0, "mi": 1.609344, "mile": 1.609344, "miles": 1.609344}
_FORMAT_NAMES = {
    "JPG": "JPEG",
    "JPE": "JPEG",
    "TIF": "TIFF",
    "HEIC": "HEIF",
    "JP2": "JPEG2000",
    "PNM": "PPM",
    "PGM": "PPM",
    "NRW": "NEF",
    "RWL": "RW2",
}

EXAMPLES = {
    "taken": "taken >= 2023-05",
    "camera": "camera ~ 'Pixel'",
    "lens": "lens ~ '50mm'",
    "format": "format = JPEG",
    "width": "width > 2000",
    "height": "height > 2000",
    "megapixels": "megapixels >= 12",
    "size": "size > 2MB",
    "orientation": "orientation = portrait",
    "path": "path in 'trips/'",
    "folder": "folder in 'trips/'",
    "name": "name ~ 'IMG'",
    "gps": "gps near 48.85,2.35 within 10 km",
    "tag": "tag = 'dog'",
    "text": "text ~ 'invoice'",
}
"""A condition on each field, for those who got one wrong."""


class WrongValueError(ValueError):
    """A value that a field cannot be compared with; says why, in words."""


def value_of(field: str, word: str) -> Value:
    """Return a word as a field's value; WrongValueError when it cannot be one."""
    kind = FIELDS[field]
    if kind == "number":
        return _number(field, word)
    if kind == "date":
        return _date(word)
    if not word.strip():
        raise WrongValueError(f"{field} is compared with an empty text")
    if field == "orientation":
        if word.lower() not in ORIENTATIONS:
            raise WrongValueError(f"an orientation is one of {', '.join(ORIENTATIONS)}")
        return word.lower()
    if field == "format":
        name = word.upper().lstrip(".").replace(" ", "")
        return _FORMAT_NAMES.get(name, name)
    return word


def has_unit(field: str, word: str) -> bool:
    """Tell whether a word behind a number is its unit."""
    return word.lower() in _UNITS.get(field, ())


def kilometres(number: str, unit: str) -> float:
    """Return a distance; WrongValueError when it is none."""
    match = _NUMBER.fullmatch(number + unit)
    if match is None or match[2].lower() not in _KILOMETRES:
        raise WrongValueError("a distance has a number and m, km or mi")
    km = float(match[1]) * _KILOMETRES[match[2].lower()]
    if km < 0:
        raise WrongValueError("a distance is not negative")
    return km


def degrees(word: str, most: float) -> float:
    """Return degrees from -most to most; WrongValueError for anything else."""
    match = _NUMBER.fullmatch(word)
    if match is None or match[2]:
        raise WrongValueError("a place is written in degrees, like 48.85,2.35")
    value = float(match[1])
    if abs(value) > most:
        what = "north goes from -90 to 90" if most == 90 else "east goes from -180 to 180"
        raise WrongValueError(f"degrees {what}")
    return value + 0.0  # -0 is 0


def _number(field: str, word: str) -> float:
    match, units = _NUMBER.fullmatch(word.strip()), _UNITS[field]
    if match is None:
        raise WrongValueError(f"{field} is compared with a number")
    if match[2].lower() not in units:
        known = ", ".join(unit for unit in units if unit)
        raise WrongValueError(f"{match[2]} is no unit of {field}: {known}")
    return float(match[1]) * units[match[2].lower()] + 0.0


def _date(word: str) -> str:
    match = _DATE.fullmatch(word.strip())
    if match is None:
        raise WrongValueError("a date is written 2023, 2023-05, 2023-05-17 or '2023-05-17 12:30'")
    year, month, day, hour, minute, second = match.groups()
    try:
        date(int(year), int(month or 1), int(day or 1))
        time(int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError as error:
        raise WrongValueError("there is no such date") from error
    return match[0].upper().replace(" ", "T")
