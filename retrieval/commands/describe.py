"""`pixtrieve describe` and `pixtrieve translate`: the nearest texts of a corpus."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from retrieval.commands.base import Command
from retrieval.commands.terminal import (
    UserPath,
    device_option,
    library_option,
    say,
    shown,
)
from retrieval.encoders.texts.languages import advice
from retrieval.library import Library
from retrieval.tagging.corpora import ENGLISH, read_corpus
from retrieval.tagging.describing import Description, Via


@click.command(
    "describe",
    cls=Command,
    examples=(
        "pixtrieve describe photo.jpg",
        "pixtrieve describe photo.jpg --corpus captions.jsonl",
    ),
)
@click.argument("image", metavar="IMAGE", type=UserPath())
@click.option(
    "--corpus",
    metavar="FILE",
    type=UserPath(),
    help="Texts to choose from. Default: everyday things and scenes, in English.",
)
@click.option(
    "-k", "count", type=click.IntRange(1), default=5, show_default=True, help="Number of texts."
)
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@device_option
def describe_command(
    image: str, corpus: str | None, count: int, library_path: str, as_json: bool, device: str
) -> None:
    """Find the texts that describe a picture best.

    IMAGE is a file, a web address, or #17 for the indexed picture with that number. A corpus holds
    one text per line, JSON lines like {"text": "…", "lang": "de"}, or captions as
    `pixtrieve evaluate` reads them. It is encoded once and kept in your cache folder.
    """
    texts = read_corpus(corpus)
    is_picture = image.startswith(("#", "http://", "https://")) or os.path.exists(image)
    with Library.open(library_path, device=device) as library:
        found = library.describe(
            image if image.startswith("#") else Path(image) if is_picture else image, texts, count
        )
        model = library.model.name
    _print(found, {"image": image, "model": model}, as_json=as_json)


@click.command(
    "translate",
    cls=Command,
    examples=(
        'pixtrieve translate "un perro en la playa" --corpus captions.jsonl --to en',
        'pixtrieve translate "a dog on a beach" --corpus captions.jsonl --to de --via pictures',
    ),
)
@click.argument("text", nargs=-1, required=True)
@click.option(
    "--corpus",
    metavar="FILE",
    type=UserPath(),
    required=True,
    help="Texts to choose from, with their languages, or captions in several languages.",
)
@click.option(
    "--to", metavar="LANG", default=ENGLISH, show_default=True, help="Language of the results."
)
@click.option(
    "--via",
    type=click.Choice(("texts", "pictures")),
    default="texts",
    show_default=True,
    help="Compare TEXT with the texts, or take the captions of the nearest indexed pictures.",
)
@click.option(
    "-k", "count", type=click.IntRange(1), default=3, show_default=True, help="Number of texts."
)
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@device_option
def translate_command(
    text: tuple[str, ...],
    corpus: str,
    to: str,
    via: Via,
    count: int,
    library_path: str,
    as_json: bool,
    device: str,
) -> None:
    """Find texts in another language that mean the same as TEXT.

    Chooses among the texts of a corpus; it does not write new ones. With --via texts the model
    must know both languages, with --via pictures only that of TEXT.
    """
    words = " ".join(text)
    texts = read_corpus(corpus)
    with Library.open(library_path, device=device) as library:
        found = library.translate(words, texts, to, count, via=via)
        model = library.model.name
    if note := advice(model):
        say(note, error=True)
    _print(found, {"text": words, "to": to, "via": via, "model": model}, as_json=as_json)


def _print(found: Sequence[Description], facts: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        texts = [asdict(each) for each in found]
        say(json.dumps({**facts, "texts": texts}, indent=2, ensure_ascii=False))
        return
    for each in found:
        say(f"{each.score:6.3f}  {each.lang}  {shown(each.text)}")
