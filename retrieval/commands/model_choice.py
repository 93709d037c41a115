"""Which model a new library gets, and whether to fetch it: never silently, no secret download."""

from __future__ import annotations

import sys

import click

from retrieval.commands.download_progress import extra_that_misses, fetch_with_progress
from retrieval.commands.terminal import human_bytes, report, say, shown
from retrieval.encoders.models import registry
from retrieval.encoders.models.presets import PRESETS, Preset
from retrieval.encoders.models.references import BUILT_IN
from retrieval.errors import ModelUnavailable

_RECOMMENDED = "default"


def choose_model() -> str:
    """Return the recommended model if it is here or, asked for on a terminal, can be fetched.

    Otherwise the built-in one, with a line that says what that means and how to move on.
    """
    preset = PRESETS[_RECOMMENDED]
    install = registry.install_line(preset)
    needed = f"    {install}\n" if install else ""
    if _is_here(_RECOMMENDED) or (_is_wanted(_RECOMMENDED, BUILT_IN) and _is_fetched()):
        say(f"Model: {preset.reference} ({preset.licence}).", error=True)
        return _RECOMMENDED
    say(
        f"Model: {BUILT_IN}, the small one that comes with Pixtrieve: quick and offline, but it "
        "knows English only and everyday things only roughly. For far better answers:\n"
        f"{needed}    pixtrieve models fetch {_RECOMMENDED}      ({_size(preset)}, once)\n"
        f"    pixtrieve model use {_RECOMMENDED}         (any time; nothing is lost)",
        error=True,
    )
    return BUILT_IN


def offer_to_fetch(reference: str) -> None:
    """Fetch a model that was named and is not here, if a person at a terminal agrees.

    Otherwise nothing happens, and whoever loads the model says what can be done.
    """
    if not _is_here(reference) and _is_wanted(reference):
        fetch_with_progress(reference)


def is_interactive() -> bool:
    """Tell whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _is_here(reference: str) -> bool:
    parsed = registry.parse(reference)
    # A local checkpoint that is not there cannot be fetched either.
    return parsed.kind not in ("published", "hub") or bool(registry.on_disk(parsed))


def _is_wanted(reference: str, otherwise: str = "") -> bool:
    if not is_interactive() or not registry.can_export():
        return False
    facts = next(
        (
            f" ({preset.licence}, {_size(preset)})"
            for preset in PRESETS.values()
            if str(registry.parse(reference)) == preset.reference
        ),
        "",
    )
    if missing := extra_that_misses(reference):
        facts += f", which also needs pip install 'pixtrieve[{missing}]',"
    recommended = " is recommended, and" if otherwise else ""
    question = f"The model {shown(reference)}{facts}{recommended} is not on this machine. Fetch it"
    instead = f"? Otherwise {otherwise} is used, small and built in" if otherwise else ""
    return click.confirm(question + instead, default=True, err=True)


def _is_fetched() -> bool:
    try:
        fetch_with_progress(_RECOMMENDED)
    except ModelUnavailable as error:
        report(error)
        return False
    return True


def _size(preset: Preset) -> str:
    return human_bytes(preset.download_mb * 1_000_000)
