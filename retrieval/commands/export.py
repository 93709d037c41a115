"""`pixtrieve export`: vectors and metadata for other programs."""

from __future__ import annotations

import os

import click

from retrieval.catalogue.export import FORMATS
from retrieval.commands.terminal import human_bytes, library_option, plural, say, shown
from retrieval.library import Library


@click.command("export")
@click.argument("file", type=click.Path())
@library_option
def export_command(file: str, library_path: str) -> None:
    """Write every vector with its picture's metadata to FILE, .npz or .parquet."""
    write = FORMATS.get(os.path.splitext(file)[1].lower())
    if write is None:
        raise click.UsageError(f"{shown(file)} must end in {' or '.join(FORMATS)}")
    with Library.open(library_path) as library:
        try:
            count = write(library.images(), library.model, file)
        except OSError as error:
            raise click.ClickException(
                f"{shown(file)} cannot be written: {error.strerror}"
            ) from error
    say(f"{plural(count, 'file')} written to {shown(file)} ({human_bytes(os.path.getsize(file))}).")
