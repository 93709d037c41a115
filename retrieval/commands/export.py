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


@click.command(
    "export",
    cls=Command,
    examples=(
        "pixtrieve export vectors.parquet",
        "pixtrieve export embeddings/     # a folder: clip-retrieval's layout",
    ),
)
@click.argument("file", type=UserPath())
@library_option
def export_command(file: str, library_path: str) -> None:
    """Export vectors and metadata to a file or a folder.

    FILE ends in .npz or .parquet, or is a folder. A folder gets img_emb, metadata and text_emb
    in clip-retrieval's layout, which pixtrieve import and other programs read.
    """
    ending = os.path.splitext(file.rstrip("/" + os.sep))[1].lower()
    write = FORMATS.get(ending)
    if not ending or os.path.isdir(file):
        _export_folder(file, library_path)
        return
    if write is None:
        raise click.UsageError(f"{shown(file)} must end in {' or '.join(FORMATS)}, or be a folder.")
    with Library.open(library_path) as library:
        try:
            count = write(library.images(), library.model, file)
        except OSError as error:
            raise cannot_write(file, error) from error
    size = human_bytes(os.path.getsize(file))
    say(f"Exported {plural(count, 'file')} to {shown(file)} ({size}).")


def _export_folder(folder: str, library_path: str) -> None:
    with Library.open(library_path) as library:
        try:
            count = library.export_layout(folder)
        except OSError as error:
            raise cannot_write(folder, error) from error
    say(f"Exported {plural(count, 'file')} to {shown(folder)}.")
