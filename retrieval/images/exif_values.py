"""Validated EXIF values: plain text of limited length, and plausible numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, time
from typing import Any

from retrieval.images.name_dates import FIRST_PHOTOGRAPH

_LONGEST = 100
_COMPANY = re.compile(
    r"camera|co|company|computer|corp|corporation|electric|electronics|entertainment|gmbh|imaging"
    r"|inc|ltd|optical|technologies|techwin",
    re.IGNORECASE,
)
_NO_TEXT = re.compile(r"[\W_]*|unknown|none|n/a|default", re.IGNORECASE)
_WORD = re.compile(r"[^\s,.]+")
# The standard is 2023:05:01 12:30:00. Programs also write dashes, slashes, dots or a T, blanks for
# leading zeros, "PM", a zone, or no seconds or time at all. All that is written must be understood.
_DATE = r"\s*(\d{4})([:/.-])([ \d]\d)\2([ \d]\d)"
_TIME = r"([ \d]\d):([ \d]\d)(?::([ \d]\d)(?:[.,]\d+)?)?"
_WRITTEN_DATE = re.compile(
    rf"{_DATE}(?:(?: |T){_TIME}\s*([AP]\.?M\.?)?\s*(?:Z|[+-]\d\d:?\d\d)?)?[\s\0:]*",
    re.ASCII | re.IGNORECASE,
)


def clean(value: object) -> str:
    """Return a text as one printable line of at most 100 characters; "" for anything else."""
    if isinstance(value, bytes):
        value = value[: 4 * _LONGEST].decode("latin-1")
    if not isinstance(value, str):
        return ""
    text = _as_utf8(value[: 4 * _LONGEST].partition("\0")[0])
    printable = "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(printable.split())[:_LONGEST].rstrip()
    return "" if _NO_TEXT.fullmatch(line) else line


def camera_name(make: object, model: object) -> str:
    """Return a camera's name with its maker in front: "Google Pixel 7", "NIKON D90"."""
    maker, name = clean(make), clean(model)
    words = [word for word in _WORD.findall(maker) if not _COMPANY.fullmatch(word)]
    if not name or not words:
        return name or " ".join(words)
    known = name.lower().replace("-", " ").split()
    if any(word.lower() in known[:2] for word in words):
        return name
    return f"{' '.join(words)} {name}"[:_LONGEST]


def number(value: object, least: float, most: float) -> float | None:
    """Return a number, or the first of several, if it is in least..most; otherwise None."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        value = value[0] if value else None
    try:
        found = float(value)  # type: ignore[arg-type]  # Pillow's IFDRational, or anything
    except (TypeError, ValueError, ArithmeticError):
        return None
    return round(found, 6) if least <= found <= most else None


def iso_date(written: object) -> str:
    """Return an EXIF date as ISO 8601, with its time if it has one; "" if it is not valid.

    Missing seconds are 0, and a leap second (60) is the second before it.
    """
    match = _WRITTEN_DATE.fullmatch(written[:_LONGEST]) if isinstance(written, str) else None
    if match is None:
        return ""
    try:
        day = date(int(match[1]), int(match[3]), int(match[4]))
        iso = day.isoformat()
        if match[5] is not None:
            seconds = 59 if match[7] == "60" else int(match[7] or 0)
            iso += f"T{time(_hour(int(match[5]), match[8] or ''), int(match[6]), seconds)}"
    except ValueError:
        return ""
    return iso if day.year >= FIRST_PHOTOGRAPH else ""


def _hour(written: int, half: str) -> int:
    """Return an hour of the day; ValueError for one that does not fit AM or PM."""
    if not half or (written > 12 and half[0] in "pP"):
        return written  # 13:30 PM
    if not 1 <= written <= 12:
        raise ValueError
    return written % 12 + 12 * (half[0] in "pP")


def position(
    latitude: tuple[object, object], longitude: tuple[object, object]
) -> tuple[float, float] | None:
    """Return degrees north and east from EXIF's ((d, m, s), reference) pairs; None if invalid.

    Exactly 0, 0 is invalid: devices without a position write it.
    """
    north = _degrees(*latitude, "NS", 90.0)
    east = _degrees(*longitude, "EW", 180.0)
    if north is None or east is None or (north, east) == (0.0, 0.0):
        return None
    return round(north, 7), round(east, 7)


def _degrees(parts: object, reference: object, letters: str, most: float) -> float | None:
    letter = clean(reference)[:1].upper()
    if not letter or letter not in letters or isinstance(parts, str | bytes):
        return None
    # Pillow unpacks a single value.
    values: Sequence[Any] = parts if isinstance(parts, Sequence) else (parts,)
    if not 1 <= len(values) <= 3:
        return None
    try:
        numbers = [float(part) for part in values]
    except (TypeError, ValueError, ArithmeticError):
        return None
    # Some devices write minutes or seconds as 0/0 when the part before has decimals.
    while len(numbers) > 1 and math.isnan(numbers[-1]):
        del numbers[-1]
    if any(
        not 0 <= number <= limit for number, limit in zip(numbers, (most, 60, 60), strict=False)
    ):
        return None
    value = math.fsum(number / 60.0**place for place, number in enumerate(numbers))
    if value > most:
        return None
    return -value if letter == letters[1] and value else value


def _as_utf8(text: str) -> str:
    """Decode a text as UTF-8 that was decoded as Latin-1, if its bytes are valid UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
