"""`pixtrieve import`: make pictures that were encoded before part of a library."""

from __future__ import annotations

import click

from retrieval.commands.base import Command
from retrieval.commands.index_report import STOPPED, problem_lines, stop_on_interrupt
from retrieval.commands.model_choice import model_options, offer_to_fetch
from retrieval.commands.progress_line import Pace, ProgressLine, duration
from retrieval.commands.read_options import any_address_option
from retrieval.commands.terminal import (
    UserPath,
    device_option,
    home_relative,
    library_option,
    plural,
    say,
    shown,
)
from retrieval.indexing.progress import Progress
from retrieval.indexing.shards.files import read_manifest
from retrieval.library import Library
from retrieval.query.spelling import absolute


@click.command(
    "import",
    cls=Command,
    examples=(
        "pixtrieve import out",
        "pixtrieve import clip-retrieval-output --model ViT-B-32/openai",
        "pixtrieve import clip-retrieval-output --pictures 'laion/{00000..00099}.tar'",
    ),
)
@click.argument("folder", type=UserPath())
@library_option
@model_options(
    "Model of a new library. Vectors of clip-retrieval do not say which model made them; it must "
    "be the same."
)
@device_option
@click.option(
    "--pictures",
    metavar="SOURCE",
    multiple=True,
    help="Data set with the pictures of FOLDER (see: pixtrieve encode), if its metadata has only "
    "their keys. Repeatable.",
)
@any_address_option
def import_command(
    folder: str,
    library_path: str,
    reference: str | None,
    device: str,
    pictures: tuple[str, ...],
    any_address: bool,
) -> int:
    """Add pictures that were encoded before.

    Takes over their vectors, captions and other columns; nothing is encoded again. FOLDER is one
    that pixtrieve encode or pixtrieve export has written, or that has vectors and metadata in
    clip-retrieval's layout (img_emb, metadata, text_emb). To repeat it adds only what is new.

    Needs: pip install 'pixtrieve[sources]'
    """
    with _opened(library_path, folder, reference, device) as library, stop_on_interrupt() as stop:
        line, pace = ProgressLine(), Pace()
        progress: Progress | None = None
        with line:
            for progress in library.iter_import(
                folder, pictures=pictures, any_address=any_address, stop=stop
            ):
                pace.note(progress.tally.handled)
                done = plural(progress.tally.handled, "picture")
                line.show(f"Importing: {done} ({pace.rate:,.0f}/s)")
        assert progress is not None
        _report(progress, library)
    return 130 if progress.stopped else 0


def _opened(library_path: str, folder: str, reference: str | None, device: str) -> Library:
    if Library.exists(library_path):
        return Library.open(library_path, reference, device=device)
    manifest = read_manifest(absolute(folder))
    if reference is None and manifest is not None:
        reference = manifest.model.name
    if reference is None:
        raise click.UsageError(
            f"There is no library in {shown(library_path)} yet. Name the model that made the "
            "vectors with --model."
        )
    offer_to_fetch(reference)
    return Library.create(library_path, reference, device=device)


def _report(progress: Progress, library: Library) -> None:
    tally = progress.tally
    notes = [
        f"{count:,} {what}"
        for count, what in (
            (tally.reused, "known already"),
            (tally.described, "with descriptions"),
            (tally.bad + tally.unsupported + tally.transient, "not usable"),
        )
        if count
    ]
    more = f" ({', '.join(notes)})" if notes else ""
    say(f"Imported {plural(tally.encoded, 'new picture')} in {duration(progress.seconds)}{more}")
    if progress.stopped:
        say(STOPPED)
    for text in problem_lines(progress):
        say(text)
    status = library.status()
    say(
        f"The library has {plural(status.counts.images, 'picture')} in "
        f"{plural(status.counts.files, 'file')} ({shown(home_relative(status.path))})."
    )
