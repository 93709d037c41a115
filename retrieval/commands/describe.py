"""`pixtrieve describe` and `pixtrieve translate`: the nearest texts of a corpus."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from retrieval.commands.terminal import device_option, library_option, say, shown
from retrieval.encoders.texts.languages import advice
from retrieval.library import Library
from retrieval.tagging.corpora import ENGLISH, read_corpus
from retrieval.tagging.describing import Description, Via


@click.command("describe")
@click.argument("image", metavar="IMAGE")
@click.option(
    "--corpus",
    metavar="FILE",
    type=click.Path(),
    help="The texts to choose from; without it, everyday things and scenes in English.",
)
@click.option("-k", "count", type=click.IntRange(1), default=5, show_default=True, help="How many.")
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@device_option
def describe_command(
    image: str, corpus: str | None, count: int, library_path: str, as_json: bool, device: str
) -> None:
    """Find the texts that describe IMAGE best: a file, an address, or `#17`, an indexed picture.

    A corpus has one text a line, or JSON lines {"text": …, "lang": "de"}, or captions as
    `pixtrieve evaluate` reads them. It is encoded once and kept in the user's cache.
    """
    texts = read_corpus(corpus)
    is_picture = image.startswith(("#", "http://", "https://")) or os.path.exists(image)
    with Library.open(library_path, device=device) as library:
        found = library.describe(
            image if image.startswith("#") else Path(image) if is_picture else image, texts, count
        )
        model = library.model.name
    _print(found, {"image": image, "model": model}, as_json=as_json)


@click.command("translate")
@click.argument("text", nargs=-1, required=True)
@click.option(
    "--corpus",
    metavar="FILE",
    type=click.Path(),
    required=True,
    help="Texts with their languages, or captions in several, to choose from.",
)
@click.option("--to", metavar="LANG", default=ENGLISH, show_default=True, help="Which language.")
@click.option(
    "--via",
    type=click.Choice(("texts", "pictures")),
    default="texts",
    show_default=True,
    help="Compare with the texts themselves, or take captions of the nearest indexed pictures.",
)
@click.option("-k", "count", type=click.IntRange(1), default=3, show_default=True, help="How many.")
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
    r"""Find what says the same as TEXT in another language, among the texts of a corpus.

    \b
    pixtrieve translate "un perro en la playa" --corpus captions.jsonl --to en
    pixtrieve translate "a dog on a beach" --corpus captions.jsonl --to de --via pictures

    This finds texts, it writes none. With --via texts the model has to know both languages; with
    --via pictures only that of TEXT.
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
