"""The comparisons of filters on plain values: texts, paths, folders and distances.

The catalogue registers these as SQL functions (`catalogue.filters`).
"""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache

from retrieval.query.spelling import is_address

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
    """Return whether a text equals a pattern; * matches any characters, ? a single one.

    Takes time linear in the text's length, whatever the pattern: each part between two * is looked
    for once, as far left as possible.
    """
    first, middle, last = _split(pattern)
    folded = fold(text)
    if last is None:
        return len(folded) == len(first) and first.is_at(folded, 0)
    start, end = len(first), len(folded) - len(last)
    if start > end or not (first.is_at(folded, 0) and last.is_at(folded, end)):
        return False
    for part in middle:
        start = part.find(folded, start, end)
        if start < 0:
            return False
        start += len(part)
    return True


def contains(text: str, part: str) -> bool:
    """Return whether a text contains another."""
    return _folded(part) in fold(text)


def levels(keyword: str) -> list[str]:
    """Return the levels of a keyword that is a path: "Places|Portugal" has two."""
    return [level for level in keyword.replace("/", "|").split("|") if level]


def level_equals(keyword: str, pattern: str) -> bool:
    """Return whether a keyword, a level of it, or several in a row equal a pattern."""
    return equals(f"|{'|'.join(levels(keyword))}|", f"*|{'|'.join(levels(pattern))}|*")


def vaguer(date: str) -> tuple[str, ...]:
    """Return the dates that contain a date and say less: "2023-05" is in "2023".

    They are neither before it nor after it.
    """
    return tuple(date[:length] for length in (4, 7, 10) if length < len(date))


def path_equals(path: str, pattern: str) -> bool:
    """Return whether a path equals a pattern; a relative one matches from any folder on."""
    return equals(path, path_pattern(pattern))


def path_pattern(pattern: str) -> str:
    """Return the pattern that whole paths are compared with."""
    return pattern if _is_absolute(pattern) else f"*/{pattern}"


def lies_in(folder: str, parent: str) -> bool:
    """Return whether a folder is `parent` or below it.

    `parent` is an absolute path ("/home/me/trips", "C:/trips"), or a name or part of a path that
    may be anywhere ("trips", "2023/trips"). Slashes and backslashes are equal.
    """
    names, fixed = parent_names(parent)
    return in_slashes(folder).startswith(names) if fixed else names in in_slashes(folder)


def in_slashes(folder: str) -> str:
    """Return a folder as `lies_in` compares it: folded, between slashes ("/a/b/")."""
    return "/" + _slashed(folder).strip("/") + "/"


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


class _Part:
    """A part of a pattern without *: characters, and ? for any single one."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._literal = "?" not in part
        # Bit i of a character's number: it may stand at place i of the part.
        self._anywhere = sum(1 << i for i, c in enumerate(part) if c == "?")
        self._places: dict[str, int] = {}
        for i, c in enumerate(part):
            self._places[c] = self._places.get(c, self._anywhere) | 1 << i

    def __len__(self) -> int:
        return len(self._part)

    def is_at(self, text: str, start: int) -> bool:
        """Return whether the part matches at `start`; the text must be long enough."""
        if self._literal:
            return text.startswith(self._part, start)
        return all(c in ("?", text[start + i]) for i, c in enumerate(self._part))

    def find(self, text: str, start: int, end: int) -> int:
        """Return the first match in text[start:end], -1 if there is none."""
        if self._literal:
            return text.find(self._part, start, end)
        # The Shift-And algorithm: bit i of `matched` says that the last i + 1 characters match.
        matched, whole = 0, 1 << (len(self._part) - 1)
        for at in range(start, end):
            matched = (matched << 1 | 1) & self._places.get(text[at], self._anywhere)
            if matched & whole:
                return at + 1 - len(self._part)
        return -1


@lru_cache(maxsize=256)
def _split(pattern: str) -> tuple[_Part, tuple[_Part, ...], _Part | None]:
    """Return the parts before the first *, between two, and after the last; no * has no last."""
    first, *others = fold(pattern).split("*")
    if not others:
        return _Part(first), (), None
    *middle, last = others
    return _Part(first), tuple(_Part(part) for part in middle if part), _Part(last)


@lru_cache(maxsize=256)
def parent_names(parent: str) -> tuple[str, bool]:
    """Return what `in_slashes` contains of a folder in `parent`, and whether it begins with it."""
    path = _slashed(parent)
    bare = path.strip("/")
    return (f"/{bare}/" if bare else "/"), _is_absolute(path)


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or path[1:3] == ":/" or is_address(path)


def _slashed(path: str) -> str:
    return fold(path).replace("\\", "/")
