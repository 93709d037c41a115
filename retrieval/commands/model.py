"""`pixtrieve model`: the model of a library, and changing it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from click.core import ParameterSource

from retrieval.commands.index_report import run_shown, summary
from retrieval.commands.model_choice import offer_to_fetch
from retrieval.commands.read_options import reading_options
from retrieval.commands.terminal import device_option, library_option, plural, say, shown
from retrieval.encoders.models.references import parse
from retrieval.indexing.progress import IndexOptions
from retrieval.library import Library


@click.group("model", invoke_without_command=True)
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def model_command(ctx: click.Context, library_path: str, as_json: bool) -> None:
    """Show the models a library has vectors of; change between them."""
    if ctx.invoked_subcommand is not None:
        if ctx.get_parameter_source("library_path") == ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"write --library behind the command: pixtrieve model {ctx.invoked_subcommand} …"
            )
        return
    with Library.open(library_path) as library:
        models, images = library.models(), library.status().counts.images
    if as_json:
        say(json.dumps({"models": [asdict(model) for model in models]}, indent=2))
        return
    for model in models:
        mark = "*" if model.in_use else " "
        lacking = images - model.images
        note = f", lacks {plural(lacking, 'picture')}" if lacking else ""
        say(f"{mark} {shown(model.name)}  {plural(model.images, 'picture')}{note}")


@model_command.command("use")
@click.argument("name")
@click.option(
    "--checkpoint", metavar="FILE", type=click.Path(), help="Weights for NAME from a file."
)
@click.option(
    "--anyway",
    is_flag=True,
    help="Change even if some pictures cannot be read now; they will not be found until they can.",
)
@library_option
@device_option
@reading_options
def use_command(
    name: str,
    checkpoint: str | None,
    anyway: bool,
    library_path: str,
    device: str,
    options: IndexOptions,
) -> int:
    """Encode the library's pictures with another model, then answer with that one.

    The old vectors serve until all is done, and stay: changing back is quick. Ctrl-C stops after
    the batch in flight; run it again to go on.
    """
    reference = str(parse(name, checkpoint))
    offer_to_fetch(reference)
    with Library.open(library_path, device=device) as library:
        progress = run_shown(
            lambda stop: library.use_model(reference, options, stop=stop, anyway=anyway)
        )
        for line in summary(progress, library.status()):
            say(line)
        say(f"The library answers with {shown(library.model.name)}.")
    return 130 if progress.stopped else 0


@model_command.command("forget")
@click.argument("name")
@library_option
def forget_command(name: str, library_path: str) -> None:
    """Delete the vectors of a model that is not in use.

    NAME is as `pixtrieve model` shows it, or the beginning of its fingerprint (--json).
    """
    with Library.open(library_path) as library:
        count = library.forget_model(name if _is_fingerprint(name) else str(parse(name)))
    say(f"{plural(count, 'vector')} of {shown(name)} deleted.")


def _is_fingerprint(name: str) -> bool:
    return len(name) >= 8 and not set(name) - set("0123456789abcdef")
