"""Progress of a download, and what a downloaded model needs."""

from __future__ import annotations

import importlib.util

from retrieval.commands.progress_line import Pace, ProgressLine
from retrieval.commands.terminal import human_bytes, say
from retrieval.encoders.models.fetching import Fetched, fetch
from retrieval.encoders.models.presets import PRESETS
from retrieval.encoders.models.references import parse


def fetch_with_progress(name: str) -> tuple[str, ...]:
    """Download a model and show the progress; return the paths of its files."""
    with ProgressLine() as line:
        return fetch(name, _Display(line).show)


def missing_extra(name: str) -> str:
    """Return the extra that a preset's model needs and that is not installed, or ""."""
    reference = str(parse(name))
    extra = next((p.extra for p in PRESETS.values() if p.reference == reference), "")
    return extra if extra and importlib.util.find_spec(extra) is None else ""


class _Display:
    """The progress of each file, and one line for each that is complete."""

    def __init__(self, line: ProgressLine) -> None:
        self._line = line
        self._file, self._pace = "", Pace()

    def show(self, fetched: Fetched) -> None:
        if fetched.file != self._file:
            self._file, self._pace = fetched.file, Pace()
        self._pace.note(fetched.done)
        text = f"{fetched.file}: {human_bytes(fetched.done)}"
        if fetched.total is None:
            self._line.show(text)
        elif fetched.done >= fetched.total:
            self._line.clear()
            say(text, error=True)
        else:
            share = 100 * fetched.done // fetched.total
            pace = f", {human_bytes(round(self._pace.rate))}/s" if self._pace.rate else ""
            left = self._pace.left(fetched.total - fetched.done)
            self._line.show(f"{text} of {human_bytes(fetched.total)} ({share} %{pace}{left})")
