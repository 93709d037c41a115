"""Calibration of an encoder on a sample of the pictures that it will encode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders import Calibrating, Encoder
from retrieval.images import Problem
from retrieval.images.isolation.pictures import read_picture
from retrieval.indexing.progress import IndexOptions
from retrieval.indexing.read_ahead import read_ahead


def pictures_wanted(encoder: Encoder) -> int:
    """Return how many pictures an encoder needs for its calibration; 0 for most encoders.

    Raises MissingExtra when the package that calibrates is not installed.
    """
    return encoder.pictures_wanted() if isinstance(encoder, Calibrating) else 0


def calibrate(
    encoder: Encoder, paths: Callable[[], Iterable[str]], wanted: int, options: IndexOptions
) -> None:
    """Calibrate an encoder on `wanted` pictures, spread evenly over the paths.

    `paths` is called twice: once to count, once to choose. The paths come folder by folder, so the
    sample covers the folders in proportion to their size. Unreadable files are skipped here; the
    indexing run reports them.
    """
    assert isinstance(encoder, Calibrating)
    total = sum(1 for _ in paths())
    read = list(_read(encoder, _spread(paths(), total, wanted), options))
    size = encoder.spec.preprocessing.size
    encoder.calibrate(np.stack(read) if read else np.empty((0, *size, 3), np.uint8))


def _spread(paths: Iterable[str], total: int, count: int) -> Iterator[str]:
    """Yield `count` of `total` paths, evenly spaced, or all of them."""
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
