"""Reads files for a run: the hash of each, and its pixels unless its content is known."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from retrieval.catalogue.known_contents import KnownContents
from retrieval.catalogue.scan import Pending
from retrieval.images import Picture, Problem, ReadLimits
from retrieval.images.formats import is_video_name
from retrieval.images.isolation.pictures import read_picture
from retrieval.indexing.read_ahead import read_ahead
from retrieval.indexing.stopwatch import Stopwatch
from retrieval.specs import Preprocessing


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads files below `root`; called in the threads that read ahead of the run."""

    root: str
    preprocessing: Preprocessing
    limits: ReadLimits
    known: KnownContents
    stopwatch: Stopwatch
    found_new: Callable[[], None]  # called for each picture whose pixels need encoding

    def __call__(self, pending: Pending) -> Picture | Problem:
        """Return the picture, with pixels unless its content is known, or the problem."""
        if pending.file.unsupported:
            return Problem(pending.file.unsupported)
        path = os.path.join(self.root, pending.file.path)
        with self.stopwatch.time_stage("hash") as switch_to:

            def wanted(sha256: bytes) -> bool:
                switch_to("decode")
                return sha256 not in self.known

            result = read_picture(path, self.preprocessing, self.limits, wanted)
        if isinstance(result, Picture) and result.pixels is not None:
            self.found_new()
        return result


def read_all(
    read: Callable[[Pending], Picture | Problem],
    pending: Callable[[], Iterator[Pending]],
    *,
    threads: int,
    depth: Callable[[], int],
) -> Generator[tuple[Pending, Picture | Problem], None, None]:
    """Read pending files ahead: see `read_ahead`.

    Videos come last: each has the pixels of hundreds of pictures, so few are held at once.
    """
    pictures = (each for each in pending() if not is_video_name(each.file.path))
    yield from read_ahead(read, pictures, threads=threads, depth=depth)
    videos = (each for each in pending() if is_video_name(each.file.path))
    yield from read_ahead(read, videos, threads=threads, depth=lambda: threads)
