"""The options that make up a query, for every command that takes one."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from retrieval.commands.terminal import plural
from retrieval.errors import QueryError
from retrieval.query import Query, Term


def query_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add TEXT, --image, --not and --weight; the command gets `query`, a `Query` or None.

    `query` is None, a search by filter alone, only with --where (`search_options`).
    """

    @functools.wraps(command)
    def gathered(
        text: tuple[str, ...],
        image: tuple[str, ...],
        unwanted: tuple[str, ...],
        weight: str | None,
        **others: Any,
    ) -> Any:
        words = " ".join(text)
        filtered = others.get("where") is not None
        if filtered and not (words.strip() or image or unwanted or weight):
            return command(query=None, **others)
        return command(query=_query(words, image, unwanted, weight), **others)

    for add in (
        click.option(
            "--weight",
            metavar="W,W,…",
            help="Weights of the texts and pictures, in the same order.",
        ),
        click.option(
            "--not",
            "unwanted",
            metavar="TERM",
            multiple=True,
            help="What results must not show. Repeatable.",
        ),
        click.option(
            "--image",
            metavar="FILE|URL|-",
            multiple=True,
            help="Search by picture: a file, a web address, or - for standard input. Repeatable.",
        ),
        click.argument("text", nargs=-1),
    ):
        gathered = add(gathered)
    return gathered


def _query(
    words: str, images: tuple[str, ...], unwanted: tuple[str, ...], weight: str | None
) -> Query:
    terms = list(Query.parse(words).terms) if words.strip() else []
    terms += [Term("picture", _picture(image)) for image in images]
    if not terms:
        raise click.UsageError(
            'Nothing to search for. Give a text ("two dogs on a beach") or --image FILE.'
        )
    if weight is not None:
        terms = _weighted(terms, weight)
    for written in unwanted:
        if written.strip():
            terms += [replace(term, negative=True) for term in Query.parse(written).terms]
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
    if image != "-":
        return image
    content = sys.stdin.buffer.read()
    if not content:
        raise click.ClickException(
            "Standard input is empty, and --image - reads a picture from it. Pass one: "
            "pixtrieve search --image - < photo.jpg"
        )
    return content
