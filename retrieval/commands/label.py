"""`pixtrieve label`: tag pictures by what they show; `pixtrieve classify`: tell items apart."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from click.core import ParameterSource

from retrieval.commands.terminal import device_option, library_option, plural, say, shown
from retrieval.library import Library
from retrieval.tagging.classifying import Classified, Item, LabelProbability
from retrieval.tagging.labels import LEAST, read_labels

_SHOWN = 3


@click.group("label", invoke_without_command=True)
@click.option(
    "--labels", metavar="FILE|WORD,…", help="What to tag with; without it, what it was last time."
)
@click.option(
    "--least",
    type=click.FloatRange(0, 1),
    default=LEAST,
    show_default=True,
    help="Tag pictures that show a label at least so likely.",
)
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@device_option
@click.pass_context
def label_command(
    ctx: click.Context,
    labels: str | None,
    least: float,
    library_path: str,
    as_json: bool,
    device: str,
) -> None:
    r"""Tag the pictures of a library with labels, by what they show; no picture is read.

    \b
    pixtrieve label --labels labels.txt      (one a line; replaces the labels given before)
    pixtrieve label                          (the same labels again, for new pictures too)
    """
    if ctx.invoked_subcommand is not None:
        if ctx.get_parameter_source("library_path") == ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"write --library behind the command: pixtrieve label {ctx.invoked_subcommand} …"
            )
        return
    chosen = read_labels(labels) if labels is not None else ()
    with Library.open(library_path, device=device) as library:
        counts = library.tags.label(chosen, least)
        pictures = library.status().counts.images
    if as_json:
        say(json.dumps({"labels": counts, "pictures": pictures}, indent=2))
        return
    for label, count in sorted(counts.items(), key=lambda each: -each[1]):
        say(f"{count:8,d}  {shown(label)}")
    say(f"{plural(pictures, 'picture')} looked at; {plural(sum(counts.values()), 'tag')} given.")


@label_command.command("list")
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_command(library_path: str, as_json: bool) -> None:
    """List the tags that pictures have, from labels and from concepts."""
    with Library.open(library_path) as library:
        tags = library.tags.all()
    if as_json:
        say(json.dumps({"tags": [asdict(tag) for tag in tags]}, indent=2))
        return
    for tag in tags:
        say(
            f"{tag.images:8,d}  {shown(tag.label)}" + ("" if tag.source == "label" else "  concept")
        )
    if not tags:
        say("There are none yet: pixtrieve label --labels dog,cat")


@label_command.command("remove")
@click.argument("label", required=False)
@click.option("--all", "everything", is_flag=True, help="Take all labels off.")
@library_option
def remove_command(label: str | None, everything: bool, library_path: str) -> None:
    """Give LABEL no more, and take it off all pictures."""
    if (label is None) != everything:
        raise click.UsageError("name one label, or --all")
    with Library.open(library_path) as library:
        count = library.tags.remove(label)
    say(f"{plural(count, 'tag')} removed.")


@click.command("classify")
@click.argument("items", nargs=-1, required=True)
@click.option(
    "--labels",
    metavar="FILE|WORD,…",
    help="What they may be; without it (and --concept) what the library is labelled with.",
)
@click.option("--concept", "concepts", metavar="NAME", multiple=True, help="A learned concept.")
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@device_option
def classify_command(
    items: tuple[str, ...],
    labels: str | None,
    concepts: tuple[str, ...],
    library_path: str,
    as_json: bool,
    device: str,
) -> None:
    r"""Say which label ITEMS are, each a text or a picture's file.

    \b
    pixtrieve classify --labels dog,cat holiday.jpg "it barked all night"

    An item that is a file is a picture, everything else a text.
    """
    chosen = read_labels(labels) if labels is not None else ()
    with Library.open(library_path, device=device) as library:
        found = library.classify([_item(item) for item in items], chosen, concepts)
        model = library.model.name
    if as_json:
        say(json.dumps({"model": model, "items": [asdict(each) for each in found]}, indent=2))
        return
    for line in _lines(found):
        say(line)


def _item(written: str) -> Item:
    return Path(written) if os.path.isfile(os.path.expanduser(written)) else written


def _lines(found: Sequence[Classified]) -> list[str]:
    lines = []
    for each in found:
        lines.append(shown(each.item))
        labels = each.labels[:_SHOWN]
        if each.none is not None:
            none = LabelProbability("(none of these)", each.none)
            labels = tuple(sorted((*labels, none), key=lambda one: -one.probability))
        lines += [f"  {one.probability:6.1%}  {shown(one.label)}" for one in labels]
        lines += [f"  {one.probability:6.1%}  concept {shown(one.label)}" for one in each.concepts]
    return lines
