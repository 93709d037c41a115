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


def difference(found: Any, right: Any) -> Outcome | None:
    """Return how answers differ from the right ones; None if they do not."""
    for name, rows in right.items():
        if found[name] != rows:
            how = "lost" if name == "people's" or len(found[name]) < len(rows) else "wrong"
            return Outcome(how, f"{name}: {_first_difference(found[name], rows)}")
    return None


def _first_difference(found: list[Any], right: list[Any]) -> str:
    """Return the first row that differs, cut down to what differs in it."""
    for one, other in zip(found, right, strict=False):
        if one != other:
            pairs = zip(str(one).split(", "), str(other).split(", "), strict=False)
            differ = [f"{a} instead of {b}" for a, b in pairs if a != b]
            return f"{one[:2]}: {'; '.join(differ[:3])}"
    return f"{len(found)} rows instead of {len(right)}"
