"""What became of a trial, and how answers differ from the right ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OUTCOMES = ("ok", "refused", "lost", "wrong", "crashed", "hung")


@dataclass(frozen=True)
class Outcome:
    """What became of a trial, one of `OUTCOMES`, and what was seen.

    `doctor` is what the doctor said of it, one of `examining.SAYINGS`; "" if it was not asked.
    """

    how: str
    said: str = ""
    doctor: str = ""
    diagnosis: str = ""


OK = Outcome("ok")
_WHOLE = ("people's", "counts")
"""Answers that are no lists of hits."""

_CONFIDENCES = ("confidence", "match")


def difference(found: Any, right: Any) -> Outcome | None:
    """Return how answers differ from the right ones; None if they do not."""
    for name, rows in right.items():
        if found[name] != rows:
            how = "lost" if name == "people's" or len(found[name]) < len(rows) else "wrong"
            return Outcome(how, f"{name}: {_first_difference(found[name], rows)}")
    return None


def is_reduced(found: Any, right: Any) -> bool:
    """Tell whether answers only leave something out: hits, facts, confidences; never of people."""
    for name, rows in right.items():
        if found[name] != rows and name in _WHOLE:
            return False
        for row in found[name] if name not in _WHOLE else ():
            if not any(_is_part(row, other) for other in rows):
                return False
    return True


def lacks_confidences_only(found: Any, right: Any) -> bool:
    """Tell whether answers only lack confidences, as those of a library that was just made."""

    def without(answers: Any) -> Any:
        return {
            name: rows
            if name in _WHOLE
            else [[*row[:2], {**row[2], **dict.fromkeys(_CONFIDENCES)}] for row in rows]
            for name, rows in answers.items()
        }

    return bool(without(found) == without(right) and is_reduced(found, right))


def _is_part(row: list[Any], other: list[Any]) -> bool:
    return row[:2] == other[:2] and all(
        value == other[2].get(name) or value in (None, "", []) for name, value in row[2].items()
    )


def _first_difference(found: list[Any], right: list[Any]) -> str:
    """Return the first row that differs, cut down to what differs in it."""
    for one, other in zip(found, right, strict=False):
        if one != other:
            pairs = zip(str(one).split(", "), str(other).split(", "), strict=False)
            differ = [f"{a} instead of {b}" for a, b in pairs if a != b]
            return f"{one[:2]}: {'; '.join(differ[:3])}"
    return f"{len(found)} rows instead of {len(right)}"
