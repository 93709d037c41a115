"""`pixtrieve map`: build the map of a library, and export it for other programs."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from dataclasses import asdict

import click

from retrieval.commands.base import Command
from retrieval.commands.pages import write_whole
from retrieval.commands.progress_line import Pace, ProgressLine
from retrieval.commands.terminal import (
    UserPath,
    device_option,
    library_option,
    plural,
    say,
    shown,
)
from retrieval.library import Library
from retrieval.map import Map, MapProgress

_PARTS = 3  # named for a region without a name
_FORMATS = (".csv", ".json")
_COLUMNS = ("id", "path", "x", "y", "region")


@click.command("map", cls=Command, examples=("pixtrieve map", "pixtrieve map places.csv"))
@click.argument("file", type=UserPath(), required=False)
@click.option("--rebuild", is_flag=True, help="Lay out all pictures again, from scratch.")
@library_option
@device_option
def map_command(file: str | None, rebuild: bool, library_path: str, device: str) -> None:
    """Build the map of all pictures that `pixtrieve serve` shows.

    Similar pictures lie side by side. With FILE (.csv or .json), also writes the position and the
    region of each picture; x and y are from 0 to 1, and y points down.
    """
    ending = os.path.splitext(file)[1].lower() if file else ""
    if file and ending not in _FORMATS:
        raise click.UsageError(f"{shown(file)} must end in {' or '.join(_FORMATS)}.")
    with Library.open(library_path, device=device) as library:
        drawn = _draw(library, rebuild=rebuild)
        if file:
            text = _as_csv(library, drawn) if ending == ".csv" else _as_json(library, drawn)
            write_whole(file, text.encode("utf-8", "surrogateescape"))
    for number, region in enumerate(drawn.regions):
        if region.level == 0:
            say(f"{plural(region.count, 'picture'):>16}  {shown(_called(drawn, number))}")
    say(f"The map has {plural(len(drawn.ids), 'picture')}. To see it: pixtrieve serve --open")
    if file:
        say(f"Wrote the positions to {shown(file)}.")


def _called(drawn: Map, number: int) -> str:
    """Return the name of a region, else those of its largest parts that have one."""
    parts = [part for part in drawn.regions if part.parent == number and part.name]
    parts.sort(key=lambda part: -part.count)
    named = ", ".join(part.name for part in parts[:_PARTS])
    return drawn.regions[number].name or named or "(various)"


def _draw(library: Library, *, rebuild: bool) -> Map:
    pace = Pace()

    def show(progress: MapProgress) -> None:
        pace.note(progress.share)
        stage = progress.stage.capitalize()
        line.show(f"{stage} pictures: {progress.share:.0%}{pace.left(1 - progress.share)}")

    with ProgressLine() as line:
        return library.map.update(rebuild=rebuild, on_progress=show)


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
