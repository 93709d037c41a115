"""Which model a new library gets, and whether to download it: never without asking."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from retrieval.commands.download_progress import fetch_with_progress, missing_extra
from retrieval.commands.terminal import UserPath, human_bytes, report, say, shown
from retrieval.encoders.models import registry
from retrieval.encoders.models.presets import PRESETS, Preset
from retrieval.encoders.models.references import BUILT_IN, parse
from retrieval.errors import ModelUnavailable

_RECOMMENDED = "default"


def model_options(about: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--model`, which is for what `about` says, and `--checkpoint`.

    The command gets `reference`, None if no model is named.
    """

    def added(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--model", metavar="MODEL", help=about)
        @click.option(
            "--checkpoint", metavar="FILE", type=UserPath(), help="Weights file for --model NAME."
        )
        @wraps(command)
        def gathered(
            *arguments: Any, model: str | None, checkpoint: str | None, **others: Any
        ) -> Any:
            reference = str(parse(model, checkpoint)) if model else None
            return command(*arguments, reference=reference, **others)

        return gathered

    return added


def choose_model() -> str:
    """Return the recommended model if it is on disk, or a person agrees to download it.

    Otherwise return the built-in model, and print what that means and how to get a better one.
    """
    preset = PRESETS[_RECOMMENDED]
    install = registry.install_line(preset)
    needed = f"    {install}\n" if install else ""
    if _is_here(_RECOMMENDED) or (_is_wanted(_RECOMMENDED, BUILT_IN) and _is_fetched()):
        say(f"Model: {preset.reference} ({preset.licence}).", error=True)
        return _RECOMMENDED
    say(
        f"Model: {BUILT_IN}, the small built-in model: fast and offline, but it knows only English "
        "and everyday things. For much better results:\n"
        f"{needed}    pixtrieve models fetch {_RECOMMENDED}      ({_size(preset)}, once)\n"
        f"    pixtrieve model use {_RECOMMENDED}         (at any time; nothing is lost)",
        error=True,
    )
    return BUILT_IN


def offer_to_fetch(reference: str) -> None:
    """Download a named model that is not on disk, if a person at a terminal agrees.

    Otherwise do nothing: loading the model raises an error that says what to do.
    """
    if not _is_here(reference) and _is_wanted(reference):
        fetch_with_progress(reference)


def is_interactive() -> bool:
    """Return whether there is a person at a terminal to ask."""
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
    recommended = "recommended, but " if otherwise else ""
    question = f"The model {shown(reference)}{facts} is {recommended}not on this machine."
    if missing := missing_extra(reference):
        question += f" It also needs: pip install 'pixtrieve[{missing}]'."
    if otherwise:
        question += f" Without it, the small built-in model {otherwise} is used."
    return click.confirm(f"{question} Download it?", default=True, err=True)


def _is_fetched() -> bool:
    try:
        fetch_with_progress(_RECOMMENDED)
    except ModelUnavailable as error:
        report(error)
        return False
    return True


def _size(preset: Preset) -> str:
    return human_bytes(preset.download_mb * 1_000_000)
