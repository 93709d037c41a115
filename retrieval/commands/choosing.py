"""Which model a new library gets when none was named: never silently, no secret download."""

from __future__ import annotations

import sys

import click

from retrieval.commands.fetching import fetch_with_progress
from retrieval.commands.terminal import human_bytes, report, say
from retrieval.encoders import registry
from retrieval.encoders.presets import PRESETS
from retrieval.encoders.references import BUILT_IN
from retrieval.errors import ModelUnavailable

_RECOMMENDED = "default"


def choose_model() -> str:
    """Return the recommended model if it is here or, asked for on a terminal, can be fetched.

    Otherwise the built-in one, with a line that says what that means and how to move on.
    """
    preset = PRESETS[_RECOMMENDED]
    reference = registry.parse(_RECOMMENDED)
    if registry.on_disk(reference) or (_is_wanted() and _is_fetched()):
        say(f"Model: {reference} ({preset.licence}).", error=True)
        return _RECOMMENDED
    say(
        f"Model: {BUILT_IN}, the small one that comes with Pixtrieve: quick and offline, but it "
        "knows English only and everyday things only roughly. For far better answers:\n"
        f"    pixtrieve models fetch {_RECOMMENDED}      "
        f"({human_bytes(preset.download_mb * 1_000_000)}, once)\n"
        f"    pixtrieve model use {_RECOMMENDED}         (any time; nothing is lost)",
        error=True,
    )
    return BUILT_IN


def _is_wanted() -> bool:
    if not is_interactive():
        return False
    preset = PRESETS[_RECOMMENDED]
    return click.confirm(
        f"The recommended model, {preset.reference} ({preset.licence}), is not on this machine.\n"
        f"Fetch it now ({human_bytes(preset.download_mb * 1_000_000)})? "
        "Otherwise the small built-in one is used",
        default=True,
        err=True,
    )


def is_interactive() -> bool:
    """Tell whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _is_fetched() -> bool:
    try:
        fetch_with_progress(_RECOMMENDED)
    except ModelUnavailable as error:
        report(error)
        return False
    return True
