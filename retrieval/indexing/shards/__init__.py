"""Shards: what encoding a piece of a data set gives, before it is part of a library.

    sources → pieces → `encoding` in one of the `engines` → `files` → `merging` → the catalogue

A shard is written whole or not at all, and is skipped when it is there. So encoding may be killed
at any moment, on any number of machines, and repeats at most the shards that were in progress.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.texts import CAPTION, EMBEDDED, SIDECAR, XMP
from retrieval.images import PictureInfo
from retrieval.query.fields import Facts


@dataclass(frozen=True, slots=True)
class SidecarText:
    """A sidecar that was read: its path relative to the root, its stat, source, text and facts."""

    path: str
    size: int
    mtime_ns: int
    source: str
    text: str
    facts: Facts
    favourite: bool = False


@dataclass(frozen=True, slots=True)
class ShardRow:
    """A picture: its place, its content, and what its source says about it."""

    root: str
    path: str
    size: int
    mtime_ns: int
    sha256: bytes
    info: PictureInfo
    captions: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    sidecars: tuple[SidecarText, ...] = ()
    thumbnail: bytes = b""

    def description(self) -> str:
        """Return the lines that describe it, as the catalogue joins those of one picture."""
        beside = {
            source: "\n".join(
                dict.fromkeys(
                    each.text for each in self.sidecars if each.source == source and each.text
                )
            )
            for source in (SIDECAR, XMP)
        }
        texts = {CAPTION: "\n".join(self.captions), EMBEDDED: self.info.words, **beside}
        return "\n".join(texts[source] for source in sorted(texts) if texts[source])


@dataclass(frozen=True, slots=True)
class ShardProblem:
    """A picture that cannot be used: see `catalogue.contents.ProblemRecord`.

    With the kind "flaw" it is none of the library's files, because it has no place or no name.
    """

    root: str
    path: str
    size: int
    mtime_ns: int
    reason: str
    kind: str
    megapixels: float | None = None


@dataclass(frozen=True, slots=True)
class Shard:
    """The pictures of a piece, in order; row i of the (n, dim) float16 `embeddings` is the i-th.

    `text_embeddings` has the vectors of their descriptions, zero for pictures without one;
    `texts_again` reads them once more, so that they need not stay in memory.
    """

    rows: tuple[ShardRow, ...]
    embeddings: NDArray[np.float16]
    text_embeddings: NDArray[np.float16]
    problems: tuple[ShardProblem, ...] = ()
    texts_again: Callable[[], NDArray[np.float16]] | None = None
