"""Shows an encoder some of the pictures that it is to encode, where it wants to see some first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders import Calibrating, Encoder
from retrieval.images import Problem
from retrieval.images.decoding import read_picture
from retrieval.indexing.progress import IndexOptions
from retrieval.indexing.read_ahead import read_ahead


def pictures_wanted(encoder: Encoder) -> int:
    """Return how many pictures an encoder wants to see first; most want none.

    Raises MissingExtra when it could not do anything with them.
    """
    return encoder.pictures_wanted() if isinstance(encoder, Calibrating) else 0


def calibrate(
    encoder: Encoder, paths: Callable[[], Iterable[str]], wanted: int, options: IndexOptions
) -> None:
    """Show an encoder `wanted` pictures, evenly spread over the paths, to fit itself to.

    `paths` is called twice: to count, and to choose. In the order of their folders they give each
    folder its share. Files that cannot be read are left out: whoever indexes them says why.
    """
    assert isinstance(encoder, Calibrating)
    total = sum(1 for _ in paths())
    read = list(_read(encoder, _spread(paths(), total, wanted), options))
    size = encoder.spec.preprocessing.size
    encoder.calibrate(np.stack(read) if read else np.empty((0, *size, 3), np.uint8))


def _spread(paths: Iterable[str], total: int, count: int) -> Iterator[str]:
    """Yield `count` of `total` paths, or all, evenly apart."""
    taken = 0
    for number, path in enumerate(paths):
        if taken < count and number * count >= taken * total:
            taken += 1
            yield path


def _read(
    encoder: Encoder, paths: Iterable[str], options: IndexOptions
) -> Iterator[NDArray[np.uint8]]:
    preprocessing, limits = encoder.spec.preprocessing, options.limits
    results = read_ahead(
        lambda path: read_picture(path, preprocessing, limits, lambda _: True),
        paths,
        threads=options.threads,
        depth=lambda: 2 * options.threads,
    )
    with closing(results):
        for _, result in results:
            if not isinstance(result, Problem) and result.pixels is not None:
                yield result.pixels
