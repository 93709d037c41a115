"""The date in a file name, as cameras, phones and messengers write it.

    IMG_20230501_123000.jpg · PXL_20230501_123456789.jpg · IMG-20230501-WA0001.jpg
    2023-05-01 12.30.00.jpg · Screenshot 2023-05-01 at 1.30.00 PM.png · IMG20230501123000.jpg

Year, month and day come in this order, with the same separator between them or none. Hour, minute
and second may follow. A match with further digits before or after it is a number, not a date. An
invalid day or year is not a date, either; without separators, years begin at 1990, when digital
cameras appeared. The time is as written: names of Pixel phones (PXL) have UTC.
"""

from __future__ import annotations

import re
from datetime import date, time

_DATE = re.compile(
    r"""(?<![0-9]) (?<![0-9]\.) (?<![0-9][A-Za-z])
    (?P<year>(?:18|19|20)[0-9]{2}) (?P<sign>[-_.]?) (?P<month>[0-9]{2}) (?P=sign) (?P<day>[0-9]{2})
    """,
    re.VERBOSE,
)
_TIME = re.compile(
    r"""(?: \s at \s | [-_T\s] )?
    (?P<hour>[0-9]{1,2}) (?P<sign>[-_.:]?) (?P<minute>[0-9]{2}) (?P=sign) (?P<second>[0-9]{2})
    (?: [-_.]? [0-9]{3} )? (?![0-9])
    (?: \s? (?P<half>[ap])\.?m\b )?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ENDS = re.compile(r"(?![0-9A-Za-z])")
_FIRST_DIGITAL, _LAST = 1990, 2099
FIRST_PHOTOGRAPH = 1826
"""The year of the oldest surviving photograph; earlier dates are invalid."""


def date_in_name(name: str) -> str:
    """Return the first date in a file name as ISO 8601, with its time if it has one; else ""."""
    for match in _DATE.finditer(name):
        day = _day(match)
        if not day:
            continue
        rest = match.end()
        moment = _TIME.match(name, rest)
        written = _time(moment) if moment else ""
        if written:
            return f"{day}T{written}"
        if _ENDS.match(name, rest):
            return day
    return ""


def _day(match: re.Match[str]) -> str:
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    earliest = FIRST_PHOTOGRAPH if match["sign"] else _FIRST_DIGITAL
    if not earliest <= year <= _LAST:
        return ""
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""


def _time(match: re.Match[str]) -> str:
    hour, half = int(match["hour"]), (match["half"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return ""
        hour = hour % 12 + 12 * (half == "p")
    try:
        return time(hour, int(match["minute"]), int(match["second"])).isoformat()
    except ValueError:
        return ""
