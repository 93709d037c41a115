"""`pixtrieve search`: ask in words or with a picture."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import click

from retrieval.commands.table import table
from retrieval.commands.terminal import device_option, library_option, say, say_raw, shown
from retrieval.library import Library
from retrieval.search import SearchResult


@click.command("search")
@click.argument("text", nargs=-1)
@library_option
@click.option(
    "--image",
    metavar="FILE|URL|-",
    help="Ask with a picture: a file, an http(s) address, or - for standard input.",
)
@click.option(
    "-k", "count", type=click.IntRange(1), default=10, show_default=True, help="How many."
)
@click.option("--include-self", is_flag=True, help="With --image: list that picture itself, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--paths", is_flag=True, help="Print paths only, one a line.")
@click.option("-0", "--null", is_flag=True, help="With --paths: end each with NUL, for xargs -0.")
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(),
    help="Write a page with the pictures (- for standard output).",
)
@click.option("--open", "open_page", is_flag=True, help="Show that page in the browser.")
@device_option
def search_command(
    text: tuple[str, ...],
    library_path: str,
    image: str | None,
    count: int,
    include_self: bool,
    as_json: bool,
    paths: bool,
    null: bool,
    html: str | None,
    open_page: bool,
    device: str,
) -> None:
    """Find the pictures nearest to TEXT, or to an example picture, best first.

    --html - writes the page to standard output, instead of the table.
    """
    words = " ".join(text)
    if bool(words.strip()) == (image is not None):
        raise click.UsageError('ask in words ("two dogs on a beach") or with --image FILE')
    started = time.perf_counter()
    with Library.open(library_path, device=device) as library:
        query = words if image is None else _picture(image)
        result = library.search(query, count, include_self=include_self)
        model = library.model.name
    seconds = time.perf_counter() - started
    asked = words if image is None else image
    if as_json:
        facts = {"query": {"text": words or None, "image": image}, "model": model}
        say(json.dumps({**facts, "seconds": round(seconds, 4), **as_object(result)}, indent=2))
    elif paths:
        end = b"\0" if null else b"\n"
        say_raw(b"".join(os.fsencode(hit.path) + end for hit in result.hits))
    elif html != "-":
        for line in table(result, width=_width()):
            say(line)
    if html or open_page:
        _page(result, asked, html, open_page=open_page)


def as_object(result: SearchResult) -> dict[str, object]:
    """Return the documented part of `--json` that holds the answer."""
    hits = [{**asdict(hit), "mtime": hit.mtime_ns / 1e9} for hit in result.hits]
    for hit in hits:
        del hit["mtime_ns"]
    return {"searched": result.searched, "hits": hits}


def _picture(image: str) -> Path | bytes:
    if image == "-":
        return sys.stdin.buffer.read()
    if image.startswith(("http://", "https://")):
        from retrieval.images.download import download

        return download(image)
    return Path(image)


def _width() -> int | None:
    """Return the terminal's width, None when the output goes elsewhere."""
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


def _page(result: SearchResult, asked: str, html: str | None, *, open_page: bool) -> None:
    from retrieval.commands.sheet import contact_sheet

    page = contact_sheet([(asked, result)])
    if html == "-":
        say_raw(page.encode("utf-8"))
        return
    if html is None:
        import tempfile

        handle, html = tempfile.mkstemp(prefix="pixtrieve-", suffix=".html")
        os.close(handle)
    try:
        with open(html, "w", encoding="utf-8") as file:
            file.write(page)
    except OSError as error:
        raise click.ClickException(f"{shown(html)} cannot be written: {error.strerror}") from error
    if open_page:
        click.launch(html)
