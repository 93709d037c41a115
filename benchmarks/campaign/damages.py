"""Files of a library that are damaged."""

from __future__ import annotations

import logging
import os
import shutil
from functools import partial
from random import Random
from typing import Any

from campaign import examining
from campaign.children import forked
from campaign.command_line import commands
from campaign.judging import Bench
from campaign.outcomes import (
    OK,
    Outcome,
    difference,
    is_reduced,
    lacks_confidences_only,
)
from campaign.place import Place, library_files

from retrieval.errors import PixtrieveError

_UNIMPORTANT = {"writer.json", "run.json"}
"""Files that only say something to people while another process writes."""

_HITS = 0.8
"""How often another place is looked for if there is a zero."""


def damaged(kind: str, bench: Bench, random: Random, *, catalogue: bool) -> Outcome:
    """Damage one file of a library: of the catalogue, or of everything beside it."""
    right = bench.right("indexed, both models")
    bench.begin("indexed, both models")
    files = [p for p in library_files(bench.place) if ("catalogue" in p.name) == catalogue]
    path = random.choice(files)
    content = path.read_bytes()
    path.write_bytes(changed := broken(content, kind, random))
    if catalogue and random.random() < 0.3:  # without caches, answers come from the catalogue
        shutil.rmtree(os.path.join(bench.place.library, "cache"))
    if catalogue:
        doctor = examining.of_catalogue(bench.place, content, changed)
    else:
        used = path.name not in _UNIMPORTANT and changed != content
        doctor = examining.of_file(bench.place, str(path), used=used)
    outcome = _after_damage(bench, right, catalogue=catalogue)
    said = f"{path.name}: {outcome.said}" if outcome.said else ""
    return Outcome(outcome.how, said, doctor.how, doctor.said)


def _after_damage(bench: Bench, right: Any, *, catalogue: bool) -> Outcome:
    """Search, run commands, index and search again, all in one process.

    Until the next run, a damaged catalogue may leave out what it cannot trust, if it says so.
    """
    ended = forked(partial(_steps, bench.place))
    if ended.how != "done":
        return Outcome("hung" if ended.how == "hung" else "crashed", ended.said)
    refused = ""
    for number, (value, warnings) in enumerate(ended.value):
        if isinstance(value, str):
            return Outcome("refused", value)
        if value is None or not (differs := difference(value, right)):
            continue
        left_out = catalogue and number == 0 and is_reduced(value, right)
        if left_out and (warnings or lacks_confidences_only(value, right)):
            refused = f"left out: {differs.said}; {'; '.join(warnings)}"
            continue
        when = ("at once", "", "", "in the end")[number]
        return Outcome(differs.how, f"{when}: {differs.said}; {'; '.join(warnings)}")
    return Outcome("refused", refused) if refused else OK


def _steps(place: Place) -> list[tuple[Any, list[str]]]:
    """Return the answer to each step, or why it was refused, with the warnings meanwhile."""
    heard = _Warnings()
    logging.getLogger("retrieval").addHandler(heard)
    found: list[tuple[Any, list[str]]] = []
    for step in (place.answers, partial(commands, place), place.index, place.answers):
        heard.said.clear()
        try:
            found.append((step(), heard.said.copy()))
        except PixtrieveError as error:
            if not (error.message and error.hint):
                raise
            # A catalogue cannot be made anew; whatever else is damaged must not be refused.
            return [*found, (f"{step}: {error.message} → {error.hint}", heard.said.copy())]
    return found


class _Warnings(logging.Handler):
    """Collects warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.said.append(record.getMessage())


def broken(content: bytes, kind: str, random: Random) -> bytes:
    """Return other content: cut, with a flipped bit, zeroed bytes, or overwritten bytes.

    Most damages hit something: half of a small catalogue is empty.
    """
    at = random.randrange(len(content))
    while not content[at] and random.random() < _HITS:
        at = random.randrange(len(content))
    if kind == "cut":
        return content[:at]
    if kind == "flip":
        flipped = bytearray(content)
        flipped[at] ^= 1 << random.randrange(8)
        return bytes(flipped)
    size = random.choice((1, 16, 512, 4096))
    at = at // size * size
    size = min(size, len(content) - at)
    filled = bytes(size) if kind == "zero" else random.randbytes(size)
    return content[:at] + filled + content[at + size :]
