"""How an approximate store is tuned, and what that was measured to find."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass

from retrieval.stores import StoreHeader
from retrieval.whole_file import open_regular, whole_file

TUNED = ".tuned"
"""The suffix of the file beside a store that holds its tuning."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was measured of an approximate store, on questions that were not used to tune it.

    `probes` is the number of clusters that a question looks into, 0 for all of them, because fewer
    miss the target. Recalls are shares of the ten nearest; times are medians for one question.
    """

    probes: int
    recall_texts: float
    recall_pictures: float
    questions: int
    milliseconds: float
    exact_milliseconds: float


def write_tuning(path: str, header: StoreHeader, tuning: Tuning) -> None:
    """Keep what was measured of the store under `path`. Raises OSError."""
    with whole_file(path + TUNED) as file:
        file.write(json.dumps({"of": _of(header), **asdict(tuning)}).encode())


def read_tuning(path: str, header: StoreHeader | None = None) -> Tuning | None:
    """Return what was measured of the store under `path`, None if nothing was.

    With a header, None also for another store's.
    """
    with suppress(OSError, ValueError, TypeError, LookupError, AttributeError):
        with open_regular(path + TUNED) as file:
            facts = json.load(file)
        of = facts.pop("of")
        tuning = Tuning(**facts)
        numbers = asdict(tuning).values()
        sound = isinstance(tuning.probes, int) and all(0 <= number < 1e12 for number in numbers)
        if sound and (header is None or of == _of(header)):
            return tuning
    return None


def _of(header: StoreHeader) -> list[object]:
    return [header.fingerprint, header.generation, header.stamp, header.count]
