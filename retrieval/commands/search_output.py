"""How the answer of `pixtrieve search` is printed: a table, paths, JSON, a page, thumbnails."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import click

from retrieval.commands.table import table
from retrieval.commands.terminal import UserPath, say, say_raw, shown
from retrieval.search.results import SearchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What to print; without any option, a table."""

    as_json: bool
    paths: bool
    null: bool
    html: str | None
    open_page: bool
    preview: bool

    @property
    def is_table(self) -> bool:
        """Whether a table of hits is printed, whose numbers other commands can use."""
        return not self.as_json and not self.paths and self.html != "-"

    def show(self, result: SearchResult, facts: dict[str, Any], *, more: bool) -> None:
        """Print an answer; `facts` describe the search, `more` says that more could be listed."""
        asked, where = facts["query"], facts["where"]
        if self.as_json:
            say(json.dumps({**facts, **result.to_dict()}, indent=2))
        elif self.paths:
            end = b"\0" if self.null else b"\n"
            say_raw(b"".join(os.fsencode(hit.path) + end for hit in result.hits))
        elif self.is_table:
            for line in table(result, _width(), filtered=bool(where), more=more):
                say(line)
            if self.preview:
                _preview(result)
        for note in result.notes:
            say(click.style(shown(note), fg="yellow"), error=True)
        if self.html or self.open_page:
            _page(result, asked or where, self.html, open_page=self.open_page)


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `Output`; the command gets them as `output`."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    @click.option("--paths", is_flag=True, help="Print paths only, one per line.")
    @click.option(
        "-0", "--null", is_flag=True, help="With --paths, end each with NUL, for xargs -0."
    )
    @click.option("--preview", is_flag=True, help="Show the pictures in the terminal.")
    @click.option(
        "--html",
        metavar="FILE",
        type=UserPath(),
        help="Write a page with the pictures to FILE (- for standard output).",
    )
    @click.option("--open", "open_page", is_flag=True, help="Open that page in the browser.")
    @functools.wraps(command)
    def gathered(**given: Any) -> Any:
        output = Output(**{each.name: given.pop(each.name) for each in fields(Output)})
        return command(output=output, **given)

    return gathered


def _width() -> int | None:
    """Return the terminal's width, None when the output goes elsewhere."""
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


def _preview(result: SearchResult) -> None:
    from retrieval.commands.preview import detect, preview

    for line in preview(result.hits, _width() or 80, detect()):
        say(line)


def _page(result: SearchResult, asked: str, html: str | None, *, open_page: bool) -> None:
    from retrieval.commands.pages import give_page
    from retrieval.commands.sheet import contact_sheet

    give_page(contact_sheet([(asked, result)]), html, open_page=open_page)
