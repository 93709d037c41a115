"""`--exclude` patterns: small globs over relative paths."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from fnmatch import translate

# The two systems whose file systems usually ignore case.
_FLAGS = re.IGNORECASE if sys.platform in ("win32", "darwin") else re.NOFLAG

_Segment = re.Pattern[str] | None  # None stands for **


class Exclusions:
    """What `--exclude` leaves out.

    A pattern without a slash (`*.png`, `private`) is held against every single name on the way:
    a file's or a folder's. One with a slash (`raw/**`, `2019/*/small`, `/top`) is held against the
    path from the root; there `*` stays within one name and `**` stands for any number of names,
    none included. What is excluded takes everything below it along.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._names: list[re.Pattern[str]] = []
        self._paths: list[list[_Segment]] = []
        for pattern in patterns:
            self._add(pattern.replace(os.sep, "/"))

    def _add(self, pattern: str) -> None:
        bare = pattern.removeprefix("./").rstrip("/")
        segments = [segment for segment in bare.split("/") if segment]
        if not segments:
            return
        if "/" in bare:
            self._paths.append([None if s == "**" else _compiled(s) for s in segments])
        else:
            self._names.append(_compiled(segments[0]))

    def excludes(self, path: str) -> bool:
        """Whether this very path is named by a pattern; the folders above it are not looked at."""
        if not (self._names or self._paths):
            return False
        parts = path.split("/")
        return any(name.match(parts[-1]) for name in self._names) or any(
            _matches(parts, pattern) for pattern in self._paths
        )

    def excludes_within(self, path: str) -> bool:
        """Whether this path, or any folder on the way to it, is named by a pattern."""
        parts = path.split("/")
        return any(self.excludes("/".join(parts[:end])) for end in range(1, len(parts) + 1))


def _compiled(segment: str) -> re.Pattern[str]:
    return re.compile(translate(segment), _FLAGS)


def _matches(parts: Sequence[str], pattern: Sequence[_Segment]) -> bool:
    """Whether the whole path fits; `reached` holds how much of the pattern may be used up so far.

    Going through all ways at once keeps it linear where backtracking over many ** would not be.
    """
    reached = _past_stars({0}, pattern)
    for part in parts:
        following = set()
        for position in reached:
            if position == len(pattern):
                continue
            segment = pattern[position]
            if segment is None:
                following.add(position)
            elif segment.match(part):
                following.add(position + 1)
        reached = _past_stars(following, pattern)
    return len(pattern) in reached


def _past_stars(positions: set[int], pattern: Sequence[_Segment]) -> set[int]:
    """Add the positions that are reached by letting ** stand for nothing."""
    result: set[int] = set()
    for start in positions:
        end = start
        while end < len(pattern) and pattern[end] is None:
            end += 1
        result.update(range(start, end + 1))
    return result
