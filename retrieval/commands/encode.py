"""`pixtrieve encode`: encode data sets into shards, on this machine or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import click

from retrieval.commands.base import Command
from retrieval.commands.index_report import STOPPED, stop_on_interrupt
from retrieval.commands.model_choice import choose_model, offer_to_fetch
from retrieval.commands.progress_line import Pace, ProgressLine, duration
from retrieval.commands.read_options import reading_options
from retrieval.commands.terminal import (
    UserPath,
    device_option,
    home_relative,
    library_option,
    plural,
    say,
    shown,
)
from retrieval.encoders import open_encoder
from retrieval.encoders.models.references import parse
from retrieval.images.sources import Columns
from retrieval.images.sources.naming import sources_of
from retrieval.indexing.progress import IndexOptions
from retrieval.indexing.shards.encoding import EncodeOptions
from retrieval.indexing.shards.engines import ENGINES, Engine, LocalEngine
from retrieval.indexing.shards.metadata import arrow
from retrieval.indexing.shards.planning import SHARD_SIZE
from retrieval.indexing.shards.running import EncodeProgress, encode_sources
from retrieval.library import Library
from retrieval.query.spelling import absolute

_SHOWN = 10


def columns_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name columns of tables; the command gets `columns`."""

    @click.option("--image-column", metavar="NAME", default="", help="Column with the pictures.")
    @click.option("--url-column", metavar="NAME", default="", help="Column with their addresses.")
    @click.option(
        "--caption-column",
        metavar="NAME",
        multiple=True,
        help="Column with captions. Repeatable. All these are found by their usual names.",
    )
    @wraps(command)
    def gathered(
        *arguments: Any,
        image_column: str,
        url_column: str,
        caption_column: tuple[str, ...],
        **others: Any,
    ) -> Any:
        columns = Columns(image_column, url_column, caption_column)
        return command(*arguments, columns=columns, **others)

    return gathered


@click.command(
    "encode",
    cls=Command,
    examples=(
        "pixtrieve encode 'pictures-{0000..0099}.tar' out",
        "pixtrieve encode s3://bucket/photos metadata.parquet out --thumbnails",
        "pixtrieve encode /data/laion out --engine ray --ray auto",
        "pixtrieve import out      # then make them part of the library",
    ),
)
@click.argument("sources", metavar="SOURCE…", nargs=-1, required=True)
@click.argument("out", type=UserPath())
@library_option
@click.option(
    "--model", metavar="MODEL", help="Model to encode with. Default: that of the library."
)
@click.option(
    "--checkpoint", metavar="FILE", type=UserPath(), help="Weights file for --model NAME."
)
@device_option
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="local",
    show_default=True,
    help="local: this machine. ray: all machines of a Ray cluster, one worker for each graphics "
    "card, or else for each --threads processors.",
)
@click.option(
    "--ray",
    "address",
    metavar="ADDRESS",
    default="auto",
    show_default=True,
    help="The cluster, for --engine ray. local starts one on this machine.",
)
@click.option("--workers", type=click.IntRange(1), help="Workers, for --engine ray.")
@click.option(
    "--shard-size",
    type=click.IntRange(1),
    default=SHARD_SIZE,
    show_default=True,
    help="Pictures in a shard: what an interruption repeats at most.",
)
@click.option(
    "--thumbnails",
    is_flag=True,
    help="Keep a thumbnail of each picture (some 20 KB), so that pages show it without its source.",
)
@click.option(
    "--retry", is_flag=True, help="Try pictures again that could not be read, like dead links."
)
@columns_options
@reading_options
def encode_command(
    sources: tuple[str, ...],
    out: str,
    library_path: str,
    model: str | None,
    checkpoint: str | None,
    device: str,
    engine: str,
    address: str,
    workers: int | None,
    shard_size: int,
    thumbnails: bool,
    retry: bool,
    columns: Columns,
    options: IndexOptions,
) -> int:
    """Encode data sets into shards in the folder OUT.

    A SOURCE is a folder, a .tar (also webdataset's), .zip or .parquet file, a list of addresses or
    paths (.txt, .csv, .tsv, .jsonl), or an address like s3://bucket/folder. Captions and other
    columns are taken along. OUT has clip-retrieval's layout; pixtrieve import makes a library of
    it. Run the same command to continue after an interruption.

    Needs: pip install 'pixtrieve[sources]', and 'pixtrieve[ray]' for --engine ray
    """
    arrow("pixtrieve encode")
    found = sources_of(sources, columns)
    reference = _model_of(library_path, str(parse(model, checkpoint)) if model else None)
    make = partial(open_encoder, reference, device=device)
    encoder = make()
    how = EncodeOptions(options.batch_size, options.threads, options.limits, thumbnails, columns)
    with stop_on_interrupt("Stopping.") as stop, _Display() as display:
        chosen: Engine = LocalEngine(encoder)
        if engine == "ray":
            from retrieval.indexing.shards.ray_engine import RayEngine

            chosen = RayEngine(make, encoder.spec.fingerprint, address=address, workers=workers)
        state = encode_sources(
            found,
            absolute(out),
            encoder.spec,
            chosen,
            how,
            size=shard_size,
            retry=retry,
            stop=stop,
            on_progress=display.show,
        )
    return _report(state, out)


def _model_of(library_path: str, reference: str | None) -> str:
    if reference is not None:
        offer_to_fetch(reference)
        return reference
    if Library.exists(library_path):
        with Library.open(library_path) as library:
            return library.model.name
    return choose_model()


def _report(state: EncodeProgress, out: str) -> int:
    there = f" ({plural(state.skipped, 'shard')} of an earlier run)" if state.skipped else ""
    say(
        f"Encoded {plural(state.pictures, 'picture')} in {duration(state.seconds)}{there} into "
        f"{shown(home_relative(out))}"
    )
    for trouble in state.troubles[:_SHOWN]:
        say(f"  {shown(home_relative(trouble.path))}: {shown(trouble.reason)}")
    if (more := state.problems - _SHOWN) > 0:
        say(f"  and {more:,} more")
    for failure in state.failures:
        say(f"Left out: {shown(failure.source)}: {shown(failure.reason)}", error=True)
    if state.stopped:
        say(STOPPED)
        return 130
    if state.failures:
        say("To try these sources again, run the same command again.", error=True)
    say(f"To search them: pixtrieve import {shown(out)}")
    return 1 if state.failures else 0


class _Display:
    """Shows how many pictures are done; nobody knows how many there are until all are listed."""

    def __init__(self) -> None:
        self._line, self._pace = ProgressLine(), Pace()

    def show(self, state: EncodeProgress) -> None:
        """Draw the state of the run."""
        self._pace.note(state.handled)
        self._line.show(
            f"{plural(state.handled, 'picture')} ({self._pace.rate:,.0f}/s), "
            f"{plural(state.written, 'shard')} written, {state.problems:,} problems"
        )

    def __enter__(self) -> _Display:
        return self

    def __exit__(self, *error: object) -> None:
        self._line.clear()
