"""The options with which a question is put together, the same for every command that asks."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, get_args

import click

from retrieval.commands.terminal import plural
from retrieval.errors import QueryError
from retrieval.query import Query, Term, parse
from retrieval.search.fusion import FUSES, Fuse
from retrieval.search.results import LookIn


@dataclass(frozen=True, slots=True)
class Asking:
    """A question from the command line, and how its terms are fused; None for a filter alone."""

    query: Query | None
    fuse: Fuse
    look_in: LookIn

    def __str__(self) -> str:
        return "" if self.query is None else str(self.query)


def question_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add TEXT, --image, --not, --weight, --in and --fuse: the command gets `asking`.

    With --where (`narrowing_options`), a question may be left out.
    """

    @functools.wraps(command)
    def asked(
        text: tuple[str, ...],
        image: tuple[str, ...],
        unwanted: tuple[str, ...],
        weight: str | None,
        fuse: Fuse,
        look_in: LookIn,
        **others: Any,
    ) -> Any:
        words = " ".join(text)
        filtered = others.get("where") is not None
        if filtered and not (words.strip() or image or unwanted or weight):
            return command(asking=Asking(None, fuse, look_in), **others)
        query = _query(words, image, unwanted, weight)
        return command(asking=Asking(query, fuse, look_in), **others)

    for add in (
        click.option(
            "--in",
            "look_in",
            type=click.Choice(get_args(LookIn)),
            default="all",
            show_default=True,
            help="Look for words in what pictures show, in the texts that come with them, or both.",
        ),
        click.option(
            "--fuse",
            type=click.Choice(FUSES),
            default="add",
            show_default=True,
            help="How several terms become one score: as one direction between them (add), or all "
            "must agree (multiply). concatenate: add, compared with a picture's vector and its "
            "text's, half and half.",
        ),
        click.option(
            "--weight", metavar="W,W,…", help="Weights of the texts and pictures, in their order."
        ),
        click.option(
            "--not", "unwanted", metavar="TERM", multiple=True, help="What must not be there."
        ),
        click.option(
            "--image",
            metavar="FILE|URL|-",
            multiple=True,
            help="Ask with a picture: a file, an http(s) address, or - for standard input.",
        ),
        click.argument("text", nargs=-1),
    ):
        asked = add(asked)
    return asked


def _query(
    words: str, images: tuple[str, ...], unwanted: tuple[str, ...], weight: str | None
) -> Query:
    terms = list(parse(words).terms) if words.strip() else []
    terms += [Term("picture", _picture(image)) for image in images]
    if not terms:
        raise click.UsageError(
            'Nothing to search for. Give a text ("two dogs on a beach") or --image FILE.'
        )
    if weight is not None:
        terms = _weighted(terms, weight)
    for written in unwanted:
        if written.strip():
            terms += [replace(term, negative=True) for term in parse(written).terms]
    return Query(tuple(terms))


def _weighted(terms: list[Term], written: str) -> list[Term]:
    try:
        weights = [float(part) for part in written.replace(",", " ").split()]
    except ValueError as error:
        raise click.UsageError(f"--weight {written} is not a list of numbers like 2,1.") from error
    if len(weights) != len(terms):
        raise click.UsageError(
            f"--weight has {plural(len(weights), 'number')} for {plural(len(terms), 'term')}. Give "
            "one for each text and picture, in the same order."
        )
    try:
        return [replace(term, weight=w) for term, w in zip(terms, weights, strict=True)]
    except QueryError as error:
        raise click.UsageError(error.message) from error


def _picture(image: str) -> str | bytes:
    return sys.stdin.buffer.read() if image == "-" else image
