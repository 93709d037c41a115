"""EXIF's values, made safe: plain text of a bounded length, and numbers that can be."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, time

from retrieval.images.name_dates import FIRST_PHOTOGRAPH

_LONGEST = 100
_COMPANY = re.compile(
    r"camera|co|company|computer|corp|corporation|electric|electronics|entertainment|gmbh|imaging"
    r"|inc|ltd|optical|technologies|techwin",
    re.IGNORECASE,
)
_NO_TEXT = re.compile(r"[\W_]*|unknown|none|n/a|default", re.IGNORECASE)
_WORD = re.compile(r"[^\s,.]+")
# Most write 2023:05:01 12:30:00; some write dashes, some a T.
_WRITTEN_DATE = re.compile(r"\s*(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)


def clean(value: object) -> str:
    """Return a text as one short printable line; "" for what is none, or says nothing."""
    if isinstance(value, bytes):
        value = value[: 4 * _LONGEST].decode("latin-1")
    if not isinstance(value, str):
        return ""
    text = _as_utf8(value[: 4 * _LONGEST].partition("\0")[0])
    printable = "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(printable.split())[:_LONGEST].rstrip()
    return "" if _NO_TEXT.fullmatch(line) else line


def camera_name(make: object, model: object) -> str:
    """Return a camera's name, its maker in front once: "Google Pixel 7", "NIKON D90"."""
    maker, name = clean(make), clean(model)
    words = [word for word in _WORD.findall(maker) if not _COMPANY.fullmatch(word)]
    if not name or not words:
        return name or " ".join(words)
    known = name.lower().replace("-", " ").split()
    if any(word.lower() in known[:2] for word in words):
        return name
    return f"{' '.join(words)} {name}"[:_LONGEST]


def number(value: object, least: float, most: float) -> float | None:
    """Return a number, the first of several, if it lies between two; None for anything else."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        value = value[0] if value else None
    try:
        found = float(value)  # type: ignore[arg-type]  # a fraction of Pillow's, or anything
    except (TypeError, ValueError, ArithmeticError):
        return None
    return round(found, 6) if least <= found <= most else None


def iso_date(written: object) -> str:
    """Translate EXIF's way of writing a date; "" for anything that is not a real one."""
    match = _WRITTEN_DATE.match(written) if isinstance(written, str) else None
    if match is None:
        return ""
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        iso = f"{date(year, month, day)}T{time(hour, minute, second)}"
    except ValueError:
        return ""
    return iso if year >= FIRST_PHOTOGRAPH else ""


def position(
    latitude: tuple[object, object], longitude: tuple[object, object]
) -> tuple[float, float] | None:
    """Return degrees north and east from EXIF's ((d, m, s), reference) each; None if impossible.

    Exactly 0, 0 is what devices write that do not know where they are.
    """
    north = _degrees(*latitude, "NS", 90.0)
    east = _degrees(*longitude, "EW", 180.0)
    if north is None or east is None or (north, east) == (0.0, 0.0):
        return None
    return round(north, 7), round(east, 7)


def _degrees(parts: object, reference: object, letters: str, most: float) -> float | None:
    letter = clean(reference)[:1].upper()
    if not letter or letter not in letters or not isinstance(parts, Sequence):
        return None
    if isinstance(parts, str | bytes) or not 1 <= len(parts) <= 3:
        return None
    try:
        numbers = [float(part) for part in parts]
    except (TypeError, ValueError, ArithmeticError):
        return None
    # Some leave the seconds 0/0 when the minutes say it all.
    if len(numbers) == 3 and math.isnan(numbers[2]):
        del numbers[2]
    if any(
        not 0 <= number <= limit for number, limit in zip(numbers, (most, 60, 60), strict=False)
    ):
        return None
    value = math.fsum(number / 60.0**place for place, number in enumerate(numbers))
    if value > most:
        return None
    return -value if letter == letters[1] and value else value


def _as_utf8(text: str) -> str:
    """Read as UTF-8 what was read as Latin-1, where it can have been that."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
