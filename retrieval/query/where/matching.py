"""The comparisons of filters on plain values: texts, paths, folders and distances.

The catalogue registers these as SQL functions (`catalogue.filters`).
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import lru_cache

EARTH_KM = 6371.0088
"""The earth's mean radius in km (IUGG)."""

KM_A_DEGREE = EARTH_KM * math.pi / 180
"""The length of one degree of latitude in km."""


def fold(text: str) -> str:
    """Return a text without case and accents, for comparisons."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c)).casefold()


def equals(text: str, pattern: str) -> bool:
    """Return whether a text equals a pattern; * matches any characters, ? a single one."""
    return _compiled(pattern).fullmatch(fold(text)) is not None


def contains(text: str, part: str) -> bool:
    """Return whether a text contains another."""
    return _folded(part) in fold(text)


def path_equals(path: str, pattern: str) -> bool:
    """Return whether a path equals a pattern; a relative one matches from any folder on."""
    return equals(path, pattern if _is_absolute(pattern) else f"*/{pattern}")


def lies_in(folder: str, parent: str) -> bool:
    """Return whether a folder is `parent` or below it.

    `parent` is an absolute path ("/home/me/trips", "C:/trips"), or a name or part of a path that
    may be anywhere ("trips", "2023/trips"). Slashes and backslashes are equal.
    """
    names, fixed = _names(parent)
    inside = "/" + _slashed(folder).strip("/") + "/"
    return inside.startswith(names) if fixed else names in inside


def distance_km(north: float, east: float, other_north: float, other_east: float) -> float:
    """Return the great-circle distance of two places in degrees (haversine formula)."""
    here, there = math.radians(north), math.radians(other_north)
    across = math.radians(other_east - east)
    half = math.sin((there - here) / 2) ** 2
    half += math.cos(here) * math.cos(there) * math.sin(across / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(half, 1.0)))


@lru_cache(maxsize=256)
def _folded(text: str) -> str:
    return fold(text)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    signs = {"*": ".*", "?": "."}
    return re.compile("".join(signs.get(c) or re.escape(c) for c in fold(pattern)), re.DOTALL)


@lru_cache(maxsize=256)
def _names(parent: str) -> tuple[str, bool]:
    path = _slashed(parent)
    bare = path.strip("/")
    return (f"/{bare}/" if bare else "/"), _is_absolute(path)


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or path[1:3] == ":/"


def _slashed(path: str) -> str:
    return fold(path).replace("\\", "/")
