"""`pixtrieve map`: draw the map of a library, and write it down for other programs."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict

import click

from retrieval.commands.terminal import device_option, library_option, plural, say, shown
from retrieval.library import Library
from retrieval.map import Map
from retrieval.whole_file import whole_file

_FORMATS = (".csv", ".json")
_COLUMNS = ("id", "path", "x", "y", "region")


@click.command("map")
@click.argument("file", type=click.Path(), required=False)
@click.option("--rebuild", is_flag=True, help="Arrange all pictures again, whatever was there.")
@library_option
@device_option
def map_command(file: str | None, rebuild: bool, library_path: str, device: str) -> None:
    """Draw the map that `pixtrieve serve` shows; with FILE, .csv or .json, write the places down.

    x and y (downwards) are 0 to 1; similar pictures lie side by side.
    """
    ending = os.path.splitext(file)[1].lower() if file else ""
    if file and ending not in _FORMATS:
        raise click.UsageError(f"{shown(file)} must end in {' or '.join(_FORMATS)}")
    with Library.open(library_path, device=device) as library:
        _draw(library, rebuild=rebuild)
        drawn = library.map.update()
        if file:
            text = _as_csv(library, drawn) if ending == ".csv" else _as_json(library, drawn)
            try:
                with whole_file(file) as written:
                    written.write(text.encode("utf-8", "surrogateescape"))
            except OSError as error:
                raise click.ClickException(
                    f"{shown(file)} cannot be written: {error.strerror}"
                ) from error
    for region in drawn.regions:
        if region.level == 0:
            say(f"{plural(region.count, 'picture'):>16}  {shown(region.name)}")
    written_to = f", written to {shown(file)}" if file else ""
    say(
        f"The map has {plural(len(drawn.ids), 'picture')}{written_to}. Look: pixtrieve serve --open"
    )


def _draw(library: Library, *, rebuild: bool) -> None:
    live = sys.stderr.isatty()
    for progress in library.map.iter_update(rebuild=rebuild):
        if live:
            click.echo(f"\r{progress.stage:<10} {progress.share:4.0%}", nl=False, err=True)
    if live:
        click.echo("\r" + " " * 16 + "\r", nl=False, err=True)


def _rows(library: Library, drawn: Map) -> Iterator[tuple[int, str, float, float, str]]:
    columns = (drawn.ids.tolist(), drawn.positions.tolist(), drawn.region.tolist())
    for image_id, (x, y), region in zip(*columns, strict=True):
        image = library.image(image_id)
        path = "" if image is None else image.paths[0]
        yield image_id, path, round(x, 6), round(y, 6), drawn.regions[region].name


def _as_csv(library: Library, drawn: Map) -> str:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(_COLUMNS)
    table.writerows(_rows(library, drawn))
    return text.getvalue()


def _as_json(library: Library, drawn: Map) -> str:
    facts = {
        "layout": drawn.layout,
        "regions": [asdict(region) for region in drawn.regions],
        "pictures": [dict(zip(_COLUMNS, row, strict=True)) for row in _rows(library, drawn)],
    }
    return json.dumps(facts)
