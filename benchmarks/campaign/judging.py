"""What all trials share: the states of the library, the right answers, and the judge."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from campaign import data_sets, moves, repairs
from campaign.children import Ended, Moments, forked
from campaign.command_line import commands
from campaign.operations import OPERATIONS, make_thumbnails, prepared
from campaign.outcomes import OK, Outcome, difference
from campaign.place import Place, Templates, change, paint_first

PICTURES = 24
_LATER: dict[str, Callable[[Place], object]] = {
    "elsewhere": moves.believe_elsewhere,
    "copies aside": moves.move_aside,
    "encoded": data_sets.encode_more,
    "damaged rows": repairs.damage_rows,
    "damaged structure": repairs.damage_structure,
}
"""States that come from an indexed library by one more step."""

_UNREADABLE = {"damaged structure": "indexed"}
"""States that answer nothing, and the states whose cosines are right for them."""

_GROWING: dict[str, Callable[[Place], object]] = {"encoded": data_sets.take_over}
"""States to which an operation adds pictures, whose cosines are right, too."""


@dataclass
class Bench:
    """What all trials share: the place, the templates, and the right answers."""

    place: Place
    templates: Templates
    _right: dict[str, Any] = field(default_factory=dict)
    _measured: dict[str, tuple[int, float]] = field(default_factory=dict)

    def warm_up(self) -> None:
        """Do everything once, so that trials fork with all modules and tables loaded.

        An ordinary user might not even be allowed to read the modules.
        """
        self.start("new")
        for step in (self.place.index, self.place.annotate, self.place.draw_map, self.place.switch):
            step()
        self.place.answers()
        commands(self.place)
        make_thumbnails(self.place)
        assert threading.active_count() == 1, "a fork would lose threads"
        gc.collect()
        gc.freeze()

    def start(self, state: str) -> None:
        """Put the place into one of the states of a library."""
        self.templates.take(state, partial(self._make, state))

    def begin(self, state: str) -> None:
        """Start a trial in a state that `judge` knows the right cosines of."""
        self.cosines(state)
        self.start(state)

    def _make(self, state: str) -> None:
        place = self.place
        paint_first(place.pictures, PICTURES)
        if state == "new":
            return
        if state.startswith("copies"):
            moves.copy_some(place)
            moves.note_contents(place)
        must(forked(place.index))
        must(forked(place.annotate))
        must(forked(place.draw_map))
        if state in _LATER:
            must(forked(partial(_LATER[state], place)))
        if state == "indexed, both models":
            must(forked(place.switch))
            must(forked(place.answers))
        if state.startswith("changed"):
            change(place.pictures, PICTURES, Random(5))
        if state == "changed, indexed":
            must(forked(place.index))

    def right(
        self, state: str, run: Callable[[Place], object] | None = None, name: str = ""
    ) -> Any:
        """Return the answers after an operation that nothing disturbed, in a state; remembered."""
        key = f"{state}, {name}"
        if key not in self._right:
            self.start(state)
            if run is not None:
                must(forked(partial(run, self.place)))
            must(forked(self.place.index))
            self._right[key] = must(forked(self.place.answers))
        return self._right[key]

    def cosines(self, state: str) -> set[tuple[Any, ...]]:
        """Return the cosines that are right before, during and after an operation on a state."""
        state = _UNREADABLE.get(state, state)
        key = f"cosines {state}"
        if key not in self._right:
            found: set[tuple[Any, ...]] = set()
            # Another model cannot encode what lies in archives; no trial of such states switches.
            for switch in (False,) if state in _GROWING else (False, True):
                self.start(state)
                if state != "new":
                    found |= self._cosines()
                if state in _GROWING:
                    must(forked(partial(_GROWING[state], self.place)))
                must(forked(self.place.index))
                if switch:
                    must(forked(self.place.switch))
                found |= self._cosines()
            self._right[key] = found
        result: set[tuple[Any, ...]] = self._right[key]
        return result

    def _cosines(self) -> set[tuple[Any, ...]]:
        return {tuple(row) for row in must(forked(self.place.cosines_now))}

    def measured(self, name: str) -> tuple[int, float]:
        """Return how many moments an operation has, and its seconds."""
        if name not in self._measured:
            operation = OPERATIONS[name]

            def count() -> int:
                with counted(self.place, 0, lambda _: None) as moments, prepared(name):
                    operation.run(self.place)
                return moments.count

            self.start(operation.start)
            moments = must(forked(count))
            self.start(operation.start)
            began = time.monotonic()
            with prepared(name):
                must(forked(partial(operation.run, self.place)))
            self._measured[name] = int(moments), time.monotonic() - began
        return self._measured[name]

    def judge(
        self, before: str, right: Any, again: Callable[[Place], object] | None = None
    ) -> Outcome:
        """Check a library after a fault: now, and after the work is done again.

        `before` is the state it began in, `right` what it must answer in the end.
        """
        now = forked(self.place.cosines_now)
        if now.how in ("crashed", "hung", "killed"):
            return Outcome("hung" if now.how == "hung" else "crashed", f"at once: {now.said}")
        if now.how == "done":
            strange = {tuple(row) for row in now.value} - self.cosines(before)
            if strange:
                return Outcome("wrong", f"at once: {sorted(strange)[:3]}")
        refused = now.said if now.how == "refused" else ""
        steps = (*((partial(again, self.place),) if again else ()), self.place.index)
        return self.compare(right, Outcome("refused", refused) if refused else OK, steps)

    def compare(
        self, right: Any, otherwise: Outcome = OK, steps: Sequence[Callable[[], object]] = ()
    ) -> Outcome:
        """Compare the library's answers, after some steps, with the right ones."""

        def work() -> Any:
            for step in steps:
                step()
            return self.place.answers()

        found = forked(work)
        if found.how != "done":
            how = {"refused": "lost", "killed": "crashed"}.get(found.how, found.how)
            return Outcome(how, f"in the end: {found.said}")
        return difference(found.value, right) or otherwise


def must(ended: Ended) -> Any:
    """Return the value of a step that nothing disturbed; RuntimeError if it was not done."""
    if ended.how != "done":
        raise RuntimeError(f"a step that nothing disturbed {ended.how}: {ended.said}")
    return ended.value


@contextmanager
def counted(place: Place, at: int, act: Callable[[str], None]) -> Iterator[Moments]:
    """Count the moments of this process, and act at one of them."""
    with Moments(str(place.folder), at, act).counted() as moments:
        yield moments
