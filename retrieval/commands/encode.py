"""`pixtrieve encode`: encode data sets into shards, on this machine or on a Ray cluster."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import click

from retrieval.commands.base import Command
from retrieval.commands.index_report import STOPPED, stop_on_interrupt
from retrieval.commands.model_choice import choose_model, model_options, offer_to_fetch
from retrieval.commands.progress_line import Pace, ProgressLine, duration
from retrieval.commands.read_options import any_address_option, reading_options
from retrieval.commands.terminal import (
    UserPath,
    device_option,
    home_relative,
    library_option,
    plural,
    say,
    shown,
)
from retrieval.encoders import Encoder, open_encoder
from retrieval.images.sources import Columns
from retrieval.images.sources.naming import sources_of
from retrieval.indexing.progress import IndexOptions
from retrieval.indexing.shards.encoding import EncodeOptions
from retrieval.indexing.shards.engines import ENGINES, Engine, LocalEngine
from retrieval.indexing.shards.metadata import arrow
from retrieval.indexing.shards.running import EncodeProgress, encode_sources
from retrieval.library import Library
from retrieval.query.spelling import absolute

MakeEngine = Callable[[Callable[[], Encoder], Encoder], Engine]
"""Makes an engine of what loads a model anywhere, and of the model as it is loaded here."""

_SHOWN = 10


def encode_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `EncodeOptions`; the command gets them as `how`."""

    @reading_options
    @click.option(
        "--shard-size",
        type=click.IntRange(1),
        default=EncodeOptions().shard_size,
        show_default=True,
        help="Pictures in a shard, at most: what an interruption repeats.",
    )
    @click.option(
        "--thumbnails",
        is_flag=True,
        help="Keep a thumbnail of each picture (some 20 KB), so that pages show it without its "
        "source.",
    )
    @click.option("--image-column", metavar="NAME", default="", help="Column with the pictures.")
    @click.option("--url-column", metavar="NAME", default="", help="Column with their addresses.")
    @click.option(
        "--caption-column",
        "caption_columns",
        metavar="NAME",
        multiple=True,
        help="Column with captions. Repeatable. All these are found by their usual names.",
    )
    @any_address_option
    @wraps(command)
    def gathered(
        *arguments: Any,
        options: IndexOptions,
        shard_size: int,
        thumbnails: bool,
        image_column: str,
        url_column: str,
        caption_columns: tuple[str, ...],
        any_address: bool,
        **others: Any,
    ) -> Any:
        how = EncodeOptions(
            options.batch_size,
            options.threads,
            options.limits,
            shard_size,
            thumbnails,
            Columns(image_column, url_column, caption_columns, any_address),
        )
        return command(*arguments, how=how, **others)

    return gathered


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the engine; the command gets `engine`, which makes it for a model."""

    @click.option(
        "--engine",
        type=click.Choice(ENGINES),
        default="local",
        show_default=True,
        help="local: this machine. ray: all machines of a Ray cluster, one worker for each "
        "graphics card, or else for each --threads processors.",
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
    @wraps(command)
    def gathered(
        *arguments: Any, engine: str, address: str, workers: int | None, **others: Any
    ) -> Any:
        def made(make: Callable[[], Encoder], encoder: Encoder) -> Engine:
            if engine == "local":
                return LocalEngine(encoder)
            from retrieval.indexing.shards.ray_engine import RayEngine

            return RayEngine(make, encoder.spec.fingerprint, address=address, workers=workers)

        return command(*arguments, engine=made, **others)

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
@model_options("Model to encode with. Default: that of the library.")
@device_option
@engine_options
@encode_options
@click.option(
    "--retry", is_flag=True, help="Try pictures again that could not be read, like dead links."
)
def encode_command(
    sources: tuple[str, ...],
    out: str,
    library_path: str,
    reference: str | None,
    device: str,
    engine: MakeEngine,
    how: EncodeOptions,
    retry: bool,
) -> int:
    """Encode data sets into shards in the folder OUT.

    A SOURCE is a folder, a .tar (also webdataset's), .zip or .parquet file, a list of addresses or
    paths (.txt, .csv, .tsv, .jsonl), or an address like s3://bucket/folder. Captions and other
    columns are taken along. OUT has clip-retrieval's layout; pixtrieve import makes a library of
    it. Run the same command to continue after an interruption.

    Needs: pip install 'pixtrieve[sources]', and 'pixtrieve[ray]' for --engine ray
    """
    arrow("pixtrieve encode")
    found = sources_of(sources, how.columns)
    make = partial(open_encoder, _model_of(library_path, reference), device=device)
    encoder = make()
    with stop_on_interrupt("Stopping.") as stop, _Display() as display:
        state = encode_sources(
            found,
            absolute(out),
            encoder.spec,
            engine(make, encoder),
            how,
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
    say(f"To search them: pixtrieve import {shown(shlex.quote(out))}")
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
