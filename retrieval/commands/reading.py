"""The options of every command that reads pictures, gathered into `IndexOptions`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from retrieval.images import ReadLimits
from retrieval.progress import IndexOptions


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--max-megapixels`, `--batch-size` and `--threads`; the command gets `options`."""

    @click.option(
        "--max-megapixels",
        type=click.FloatRange(min=0, min_open=True),
        default=ReadLimits().max_megapixels,
        show_default=True,
        help="Refuse pictures with more pixels, in millions.",
    )
    @click.option("--batch-size", type=click.IntRange(1), help="Pictures encoded at a time.")
    @click.option("--threads", type=click.IntRange(1), help="Threads that read and decode.")
    @wraps(command)
    def gathered(
        *arguments: Any,
        max_megapixels: float,
        batch_size: int | None,
        threads: int | None,
        **others: Any,
    ) -> Any:
        options = IndexOptions(
            batch_size=batch_size,
            threads=threads or IndexOptions().threads,
            limits=ReadLimits(max_megapixels),
        )
        return command(*arguments, options=options, **others)

    return gathered
