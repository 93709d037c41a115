"""`pixtrieve model`: show or change the model of a library."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from retrieval.commands.base import Group
from retrieval.commands.index_report import run_shown, summary
from retrieval.commands.model_choice import offer_to_fetch
from retrieval.commands.read_options import indexing_options
from retrieval.commands.terminal import (
    UserPath,
    device_option,
    library_option,
    plural,
    say,
    shown,
)
from retrieval.encoders.models.references import parse
from retrieval.indexing.progress import IndexOptions
from retrieval.library import Library


@click.group(
    "model",
    cls=Group,
    invoke_without_command=True,
    examples=("pixtrieve model", "pixtrieve model use default"),
)
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def model_command(ctx: click.Context, library_path: str, as_json: bool) -> None:
    """Show or change the model of the library.

    Lists the models that the library has vectors of, with * at the one in use.
    """
    if ctx.invoked_subcommand is not None:
        return
    with Library.open(library_path) as library:
        models, images = library.models(), library.status().counts.images
    if as_json:
        say(json.dumps({"models": [asdict(model) for model in models]}, indent=2))
        return
    for model in models:
        mark = "*" if model.in_use else " "
        lacking = images - model.images
        note = f", {lacking:,} not encoded" if lacking else ""
        say(f"{mark} {shown(model.name)}  {plural(model.images, 'picture')}{note}")


@model_command.command("use")
@click.argument("name")
@click.option(
    "--checkpoint", metavar="FILE", type=UserPath(), help="Weights file for the model NAME."
)
@click.option(
    "--anyway",
    is_flag=True,
    help="Switch even if some pictures cannot be read now; searches miss them until they can.",
)
@library_option
@device_option
@indexing_options
def use_command(
    name: str,
    checkpoint: str | None,
    anyway: bool,
    library_path: str,
    device: str,
    options: IndexOptions,
) -> int:
    """Switch the library to another model.

    Encodes all pictures with the new model. Searches use the old vectors until that is done; the
    old vectors are kept, so switching back is quick. Ctrl-C stops after the current batch; run the
    same command to continue.
    """
    reference = str(parse(name, checkpoint))
    offer_to_fetch(reference)
    with Library.open(library_path, device=device) as library:
        progress = run_shown(
            lambda stop: library.use_model(reference, options, stop=stop, anyway=anyway)
        )
        for line in summary(progress, library.status()):
            say(line)
        say(f"The library uses the model {shown(library.model.name)}.")
    return 130 if progress.stopped else 0


@model_command.command("forget")
@click.argument("name")
@library_option
def forget_command(name: str, library_path: str) -> None:
    """Delete the vectors of a model that is not in use.

    NAME is a name that `pixtrieve model` lists, or the beginning of the model's fingerprint
    (`pixtrieve model --json`).
    """
    with Library.open(library_path) as library:
        count = library.forget_model(name if _is_fingerprint(name) else str(parse(name)))
    say(f"Deleted {plural(count, 'vector')} of {shown(name)}.")


def _is_fingerprint(name: str) -> bool:
    return len(name) >= 8 and not set(name) - set("0123456789abcdef")
