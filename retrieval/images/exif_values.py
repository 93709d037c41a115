"""Validated EXIF values: plain text of limited length, and plausible numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
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
# The standard is 2023:05:01 12:30:00. Programs also write dashes, slashes, dots, a T or nothing in
# between, blanks or nothing for leading zeros, a NUL before the time, "PM", a zone, or no seconds.
_DAY = re.compile(r"\s*(\d{4})(?:([:/.-])([ \d]?\d)\2([ \d]?\d)|(\d\d)(\d\d))(?!\d)", re.ASCII)
_TIME = re.compile(
    r"[T,\s]*([ \d]?\d)(?:([:.])([ \d]?\d)(?:\2([ \d]?\d)(?:[.,:]\d+)?)?|(\d\d)(\d\d))"
    r"\s*([AP]\.?M\.?)?\s*(?:Z|UTC|GMT|[+-]\d\d?(?::?\d\d)?)?[\s:]*",
    re.ASCII | re.IGNORECASE,
)

# Blanks or zeros stand for what is not known: 2019:05:00 00:00:00, 2019:  :  , 20190500, 2019-05.
_PARTIAL = re.compile(
    r"\s*(\d{4})(?:([:/.-])(0?[1-9]|1[0-2]|0?0| {1,2})(?:\2(?:0?0| {1,2}))?|(\d\d)00)?"
    r"(?:[T\s\0][\s:\0]*(?:\d\d:\d\d.*)?)?$",
    re.ASCII | re.DOTALL,
)

_WRITTEN_DEGREES = re.compile(
    r"""\s*([NSEW])?\s*([+-]?\d{1,3}(?:\.\d+)?)
    (?:\s*(?:,|°|º|deg|\s)\s*(\d{1,2}(?:\.\d+)?))?
    (?:\s*(?:,|'|\u2032|\s)\s*(\d{1,2}(?:\.\d+)?))?
    \s*(?:°|º|deg|'|"|\u2032|\u2033)?\s*([NSEW])?\s*""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
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
    """Return an EXIF date as ISO 8601, as far as it is written: with its time, or the day alone.

    Or the month ("2019-05") or year ("2019") alone; "" if none of these is valid. Missing seconds
    are 0, and a leap second (60) is the second before it.
    """
    if isinstance(written, bytes):
        written = written[:_LONGEST].decode("latin-1")
    if not isinstance(written, str):
        return ""
    written = written[:_LONGEST]
    if partial := _PARTIAL.match(written):
        return _year_or_month(int(partial[1]), int((partial[3] or partial[4] or "").strip() or 0))
    match = _DAY.match(written)
    if match is None:
        return ""
    year, month, number_of_day = (int(part) for part in match.group(1, 3, 4, 5, 6) if part)
    try:
        day = date(year, month, number_of_day)
    except ValueError:
        return ""
    if day.year < FIRST_PHOTOGRAPH:
        return ""
    rest = match.string[match.end() :].lstrip("\0").partition("\0")[0]
    moment = _time(rest)
    return day.isoformat() if moment is None else f"{day.isoformat()}T{moment}"


def _year_or_month(year: int, month: int) -> str:
    if not FIRST_PHOTOGRAPH <= year <= 9999 or month > 12:
        return ""
    return f"{year}-{month:02}" if month else f"{year}"


def utc_date(day: object, moment: object = None) -> str:
    """Return when a satellite's clock said that it was, as local time in ISO 8601; "" if invalid.

    `day` is a text, with the time or without it; `moment` its hour, minute and second. Local time
    is that of this computer, as for the dates of files.
    """
    written = iso_date(day)
    try:
        if isinstance(moment, Sequence) and not isinstance(moment, str | bytes):
            date.fromisoformat(written[:10])
            hour, minute, second = (int(float(part)) for part in moment)
            written = f"{written[:10]}T{time(hour, minute, min(second, 59)).isoformat()}"
        known = datetime.fromisoformat(written).replace(tzinfo=UTC)
        return known.astimezone().strftime("%Y-%m-%dT%H:%M:%S") if "T" in written else written
    except (ValueError, TypeError, ArithmeticError, OSError):
        return written[:10]


def _time(written: str) -> time | None:
    """Return a time of day; None unless all that is written is understood."""
    match = _TIME.fullmatch(written)
    if match is None:
        return None
    minute, second = int(match[3] or match[5]), int(match[4] or match[6] or 0)
    try:
        hour = _hour(int(match[1]), match[7] or "")
        return time(hour, minute, 59 if second == 60 else second)
    except ValueError:
        return None


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

    A part may be a text, too: see `written_degrees`. Exactly 0, 0 is invalid: devices without a
    position write it.
    """
    north = _degrees(*latitude, "NS", 90.0)
    east = _degrees(*longitude, "EW", 180.0)
    if north is None or east is None or (north, east) == (0.0, 0.0):
        return None
    return round(north, 7), round(east, 7)


def written_degrees(written: str, letters: str, most: float) -> float | None:
    """Return degrees of a text; None if it is not valid.

    "48,51.49N", "48,51,29N", 48°51'29" N, "N 48.858" or, without one of the two letters, signed
    decimals ("-48.858").
    """
    match = _WRITTEN_DEGREES.fullmatch(written[:_LONGEST])
    if match is None:
        return None
    parts = [float(part) for part in match.group(2, 3, 4) if part]
    letter = (match[1] or match[5] or "").upper()
    if (match[1] and match[5]) or (letter and letter not in letters):
        return None
    if not letter:
        return parts[0] if len(parts) == 1 and abs(parts[0]) <= most else None
    return _from_parts(parts, letter == letters[1], most)


def _degrees(parts: object, reference: object, letters: str, most: float) -> float | None:
    letter = clean(reference)[:1].upper()
    if isinstance(parts, str):
        written = parts.strip("\0 ")
        return written_degrees(f"{written} {letter}", letters, most) if letter else None
    if not letter or letter not in letters or isinstance(parts, bytes):
        return None
    # Pillow unpacks a single value.
    values: Sequence[Any] = parts if isinstance(parts, Sequence) else (parts,)
    if not 1 <= len(values) <= 4:  # a fourth means nothing
        return None
    try:
        numbers = [float(part) for part in values[:3]]
    except (TypeError, ValueError, ArithmeticError):
        return None
    # Some devices write minutes or seconds as 0/0 when the part before has decimals.
    while len(numbers) > 1 and math.isnan(numbers[-1]):
        del numbers[-1]
    south = letter == letters[1]
    if south and numbers[0] < 0:  # the sign says the same again
        numbers[0] = -numbers[0]
    return _from_parts(numbers, south, most)


def _from_parts(numbers: Sequence[float], south: bool, most: float) -> float | None:
    """Return degrees of (d, m, s), negative in the south or west; None if out of range."""
    limits = (most, 60, 60)
    if any(not 0 <= number <= limit for number, limit in zip(numbers, limits, strict=False)):
        return None
    value = math.fsum(number / 60.0**place for place, number in enumerate(numbers))
    if value > most:
        return None
    return -value if south and value else value


def _as_utf8(text: str) -> str:
    """Decode a text as UTF-8 that was decoded as Latin-1, if its bytes are valid UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
