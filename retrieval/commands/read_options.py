"""The options of commands that read pictures, gathered into `ReadLimits` and `IndexOptions`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import click

from retrieval.images import ReadLimits
from retrieval.indexing.progress import IndexOptions
from retrieval.stores.backends import WANTED


def limits_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--max-megapixels` and `--exact-decode`; the command gets `limits`."""

    @click.option(
        "--max-megapixels",
        type=click.FloatRange(min=0, min_open=True),
        default=ReadLimits().max_megapixels,
        show_default=True,
        help="Skip pictures that take more than this many million pixels to decode.",
    )
    @click.option(
        "--exact-decode",
        is_flag=True,
        help="Decode large pictures at full size, exactly as open_clip does. Several times slower. "
        "Applies to pictures encoded in this run; stored vectors do not change.",
    )
    @wraps(command)
    def gathered(*arguments: Any, max_megapixels: float, exact_decode: bool, **others: Any) -> Any:
        return command(*arguments, limits=ReadLimits(max_megapixels, exact_decode), **others)

    return gathered


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--batch-size`, `--threads` and `limits_options`; the command gets `options`."""

    @limits_options
    @click.option("--batch-size", type=click.IntRange(1), help="Pictures to encode at a time.")
    @click.option("--threads", type=click.IntRange(1), help="Threads that read and decode.")
    @wraps(command)
    def gathered(
        *arguments: Any,
        limits: ReadLimits,
        batch_size: int | None,
        threads: int | None,
        **others: Any,
    ) -> Any:
        options = IndexOptions(
            batch_size=batch_size,
            threads=threads or IndexOptions().threads,
            limits=limits,
        )
        return command(*arguments, options=options, **others)

    return gathered


def any_address_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--any-address`; the command gets `any_address`."""
    return click.option(
        "--any-address",
        is_flag=True,
        help="Let tables name pictures on this machine's servers, in private networks and in any "
        "storage. Only for tables that you trust. Default: on the public web, and where the table "
        "itself lies.",
    )(command)


def indexing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `reading_options`, `--index` and `--retry`; the command gets `options`."""

    @reading_options
    @click.option(
        "--index",
        type=click.Choice(WANTED),
        help="How the library is searched from now on. exact misses nothing; ivf looks only into "
        "the clusters near a question, which is faster for millions of pictures; auto (a new "
        "library's) is exact where that takes less than 50 ms. pixtrieve status shows what is "
        "used.",
    )
    @click.option(
        "--retry",
        is_flag=True,
        help="Read files again that could not be used, even if they have not changed.",
    )
    @wraps(command)
    def gathered(
        *arguments: Any, options: IndexOptions, index: str | None, retry: bool, **others: Any
    ) -> Any:
        return command(*arguments, options=replace(options, index=index, retry=retry), **others)

    return gathered
