"""`pixtrieve label`: tag pictures by what they show; `pixtrieve classify`: rank labels."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from retrieval.commands.base import Command, Group
from retrieval.commands.terminal import (
    UserPath,
    device_option,
    library_option,
    plural,
    say,
    shown,
)
from retrieval.library import Library
from retrieval.query.spelling import DiskSpelling
from retrieval.tagging.classifying import Classified, Item, LabelProbability
from retrieval.tagging.labels import LEAST, read_labels

_SHOWN = 3


@click.group(
    "label",
    cls=Group,
    invoke_without_command=True,
    examples=(
        "pixtrieve label --labels labels.txt   # one per line; replaces earlier labels",
        "pixtrieve label                       # the same labels again, for new pictures",
    ),
)
@click.option(
    "--labels",
    metavar="FILE|WORD,…",
    type=UserPath(),
    help="Labels to give: a file with one per line, or a list. Default: those given last time.",
)
@click.option(
    "--least",
    type=click.FloatRange(0, 1),
    default=LEAST,
    show_default=True,
    help="Lowest score at which a picture is tagged.",
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
    """Tag pictures by what they show.

    Compares the labels with stored vectors; no picture is read. The new tags replace those of the
    previous run.
    """
    if ctx.invoked_subcommand is not None:
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
    say(f"Gave {plural(sum(counts.values()), 'tag')} to {plural(pictures, 'picture')}.")


@label_command.command("list")
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_command(library_path: str, as_json: bool) -> None:
    """List the tags that pictures have from labels and concepts."""
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
        say("No tags yet. Give some: pixtrieve label --labels dog,cat")


@label_command.command("remove")
@click.argument("label", required=False)
@click.option("--all", "everything", is_flag=True, help="Remove all labels.")
@library_option
def remove_command(label: str | None, everything: bool, library_path: str) -> None:
    """Remove LABEL from the labels and from all pictures."""
    if (label is None) != everything:
        raise click.UsageError("Name one label, or pass --all.")
    with Library.open(library_path) as library:
        count = library.tags.remove(label)
    say(f"Removed {plural(count, 'tag')}.")


@click.command(
    "classify",
    cls=Command,
    examples=('pixtrieve classify --labels dog,cat holiday.jpg "it barked all night"',),
)
@click.argument("items", nargs=-1, required=True)
@click.option(
    "--labels",
    metavar="FILE|WORD,…",
    type=UserPath(),
    help="Labels to choose from. Default without --concept: the labels of the library.",
)
@click.option(
    "--concept",
    "concepts",
    metavar="NAME",
    multiple=True,
    help="Also test for this concept. Repeatable.",
)
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
    """Rank labels for pictures and texts.

    An item that names a file is a picture; everything else is a text.
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
    path = DiskSpelling().of(os.path.expanduser(written))
    return Path(path) if os.path.isfile(path) else written


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
