"""Progress of a download, and what a downloaded model needs."""

from __future__ import annotations

import importlib.util
import sys

from retrieval.commands.terminal import human_bytes, say
from retrieval.encoders.models.fetching import Fetched, fetch
from retrieval.encoders.models.presets import PRESETS
from retrieval.encoders.models.references import parse


def fetch_with_progress(name: str) -> tuple[str, ...]:
    """Download a model and show the progress; return the paths of its files."""
    return fetch(name, _Display().show)


def missing_extra(name: str) -> str:
    """Return the extra that a preset's model needs and that is not installed, or ""."""
    reference = str(parse(name))
    extra = next((p.extra for p in PRESETS.values() if p.reference == reference), "")
    return extra if extra and importlib.util.find_spec(extra) is None else ""


class _Display:
    """A progress line on a terminal; elsewhere a line for each tenth of a file."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = ("", -1)

    def show(self, fetched: Fetched) -> None:
        share = 100 * fetched.done // fetched.total if fetched.total else 0
        line = f"{fetched.file}: {human_bytes(fetched.done)}"
        if fetched.total:
            line += f" of {human_bytes(fetched.total)} ({share} %)"
        done = fetched.total is not None and fetched.done >= fetched.total
        if self._live:
            sys.stderr.write(f"\r{line}\x1b[K" + ("\n" if done else ""))
            sys.stderr.flush()
        elif self._shown != (fetched.file, share // 10):
            self._shown = (fetched.file, share // 10)
            say(line, error=True)
