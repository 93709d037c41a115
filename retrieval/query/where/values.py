"""Parses the values of a written filter, by field."""

from __future__ import annotations

import re
from datetime import date, time

from retrieval.query.fields import FIELDS
from retrieval.query.where.conditions import Value

_NUMBER = re.compile(r"([+-]?\d{1,15}(?:\.\d{1,9}|/\d{1,9})?)\s*([a-zA-Z]*)", re.ASCII)
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?)?)?", re.ASCII | re.IGNORECASE
)
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
LONGEST_PATTERN = 500
"""The limit of a value with * or ?, in characters."""


class WrongValueError(ValueError):
    """A value that does not suit its field; the message says why."""


def value_of(field: str, word: str) -> Value:
    """Return a word as a field's value; WrongValueError if it does not suit the field."""
    known = FIELDS[field]
    if known.kind == "number":
        return _number(field, word)
    if known.kind == "date":
        return _date(word)
    if not word.strip():
        raise WrongValueError(f"the value of {field} is empty")
    if len(word) > LONGEST_PATTERN and ("*" in word or "?" in word):
        raise WrongValueError(f"a value with * or ? has at most {LONGEST_PATTERN} characters")
    if known.choices:
        if word.lower() not in known.choices:
            raise WrongValueError(f"{field} must be one of {', '.join(known.choices)}")
        return word.lower()
    if field == "format":
        name = word.upper().lstrip(".").replace(" ", "")
        return _FORMAT_NAMES.get(name, name)
    return word


def has_unit(field: str, word: str) -> bool:
    """Return whether a word after a number is a unit of the field."""
    return word.lower() in FIELDS[field].units


def kilometres(number: str, unit: str) -> float:
    """Return a distance in km; WrongValueError if it is not one."""
    match = _NUMBER.fullmatch(number + unit)
    if match is None or match[2].lower() not in _KILOMETRES:
        raise WrongValueError("a distance needs a number and a unit: m, km or mi")
    km = _plain(match[1]) * _KILOMETRES[match[2].lower()]
    if km < 0:
        raise WrongValueError("a distance cannot be negative")
    return km


def degrees(word: str, most: float) -> float:
    """Return degrees from -most to most; WrongValueError for anything else."""
    match = _NUMBER.fullmatch(word)
    if match is None or match[2]:
        raise WrongValueError("write a place in degrees, like 48.85,2.35")
    value = _plain(match[1])
    if abs(value) > most:
        what = "north must be from -90 to 90" if most == 90 else "east must be from -180 to 180"
        raise WrongValueError(f"degrees {what}")
    return value + 0.0  # -0 is 0


def _plain(digits: str) -> float:
    """Return a number or a fraction like 1/250, which is rounded like EXIF's values."""
    above, _, below = digits.partition("/")
    if not below:
        return float(above)
    if not int(below):
        raise WrongValueError("a fraction cannot have the denominator 0")
    return round(float(above) / int(below), 6)


def _number(field: str, word: str) -> float:
    match, units = _NUMBER.fullmatch(word.strip()), FIELDS[field].units
    if match is None:
        raise WrongValueError(f"{field} must be compared with a number")
    if match[2].lower() not in units:
        known = ", ".join(unit for unit in units if unit)
        raise WrongValueError(f"{match[2]} is not a unit of {field}; use one of {known}")
    return _plain(match[1]) * units[match[2].lower()] + 0.0


def _date(word: str) -> str:
    match = _DATE.fullmatch(word.strip())
    if match is None:
        raise WrongValueError("write a date as 2023, 2023-05, 2023-05-17 or '2023-05-17 12:30'")
    year, month, day, hour, minute, second = match.groups()
    try:
        date(int(year), int(month or 1), int(day or 1))
        time(int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError as error:
        raise WrongValueError("this date does not exist") from error
    return match[0].upper().replace(" ", "T")
