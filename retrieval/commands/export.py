"""`pixtrieve export`: vectors and metadata for other programs."""

from __future__ import annotations

import os

import click

from retrieval.catalogue.export import FORMATS
from retrieval.commands.base import Command
from retrieval.commands.pages import cannot_write
from retrieval.commands.terminal import (
    UserPath,
    human_bytes,
    library_option,
    plural,
    say,
    shown,
)
from retrieval.library import Library


@click.command("export", cls=Command, examples=("pixtrieve export vectors.parquet",))
@click.argument("file", type=UserPath())
@library_option
def export_command(file: str, library_path: str) -> None:
    """Export vectors and metadata to an .npz or .parquet file."""
    write = FORMATS.get(os.path.splitext(file)[1].lower())
    if write is None:
        raise click.UsageError(f"{shown(file)} must end in {' or '.join(FORMATS)}.")
    with Library.open(library_path) as library:
        try:
            count = write(library.images(), library.model, file)
        except OSError as error:
            raise cannot_write(file, error) from error
    size = human_bytes(os.path.getsize(file))
    say(f"Exported {plural(count, 'file')} to {shown(file)} ({size}).")
