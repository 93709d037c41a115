"""`--exclude` patterns: globs that match relative paths."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from fnmatch import translate

# The file systems of Windows and macOS usually ignore case.
_FLAGS = re.IGNORECASE if sys.platform in ("win32", "darwin") else re.NOFLAG

_Segment = re.Pattern[str] | None  # None stands for **


class Exclusions:
    """The files and folders that `--exclude` leaves out.

    A pattern without a slash (`*.png`, `private`) matches a single name, of a file or a folder. A
    pattern with a slash (`raw/**`, `2019/*/small`, `/top`) matches the path from the root: `*`
    matches within one name, and `**` matches any number of names, including none. An excluded
    folder excludes everything below it.
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
        """Tell whether a pattern matches this path; the folders above it are not checked."""
        if not (self._names or self._paths):
            return False
        parts = path.split("/")
        return any(name.match(parts[-1]) for name in self._names) or any(
            _matches(parts, pattern) for pattern in self._paths
        )

    def excludes_within(self, path: str) -> bool:
        """Tell whether a pattern matches this path or any folder above it."""
        parts = path.split("/")
        return any(self.excludes("/".join(parts[:end])) for end in range(1, len(parts) + 1))


def _compiled(segment: str) -> re.Pattern[str]:
    return re.compile(translate(segment), _FLAGS)


def _matches(parts: Sequence[str], pattern: Sequence[_Segment]) -> bool:
    """Tell whether a pattern matches the whole path.

    `reached` holds every position in the pattern that the names so far can lead to. Following all
    of them at once takes linear time; backtracking over several ** would not.
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
    """Add the positions behind each **, which may match no name at all."""
    result: set[int] = set()
    for start in positions:
        end = start
        while end < len(pattern) and pattern[end] is None:
            end += 1
        result.update(range(start, end + 1))
    return result
