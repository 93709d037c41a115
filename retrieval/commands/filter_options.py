"""The options that say which pictures count, and how hits are shown."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from retrieval.query.fields import FIELDS
from retrieval.query.options import GROUPINGS, SORTS, Grouping, Sort


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What was asked for beside the question: see `Library.search`."""

    where: str | None
    sort: Sort | None
    group: Grouping | None
    diverse: bool


def narrowing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --where, --sort, --group and --diverse; the command gets them as `narrowing`."""

    @functools.wraps(command)
    def narrowed(
        where: str | None,
        sort: Sort | None,
        group: Grouping | None,
        diverse: bool,
        **others: Any,
    ) -> Any:
        return command(narrowing=Narrowing(where, sort, group, diverse), **others)

    for add in (
        click.option("--diverse", is_flag=True, help="Prefer hits that differ from each other."),
        click.option(
            "--group",
            type=click.Choice(GROUPINGS),
            help="Show only the best picture of a burst, of a day, or of a folder.",
        ),
        click.option(
            "--sort",
            type=click.Choice(SORTS),
            help="Show the hits oldest first (date), newest first, by name, or largest first.",
        ),
        click.option(
            "--where",
            metavar="FILTER",
            help="Only pictures that fit, like \"date >= 2023-05 and camera ~ 'Pixel'\"; without "
            f"TEXT, list them. Fields: {', '.join(FIELDS)}.",
        ),
    ):
        narrowed = add(narrowed)
    return narrowed
