"""What a run has read and not committed yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.contents import FileRecord, ProblemRecord
from retrieval.catalogue.image_rows import ImageRecord
from retrieval.images import Picture, PictureInfo

_ALIKE = 0.95
"""Cosine up to which a moment of a video is something new, compared with the one before."""


@dataclass(slots=True)
class Waiting:
    """Files whose pictures wait for the encoder, and what else the next commit records.

    `pixels` are pictures and the moments of videos; `owners` are the content and the view of each,
    which is "" for a picture as a whole.
    """

    pixels: list[NDArray[np.uint8]] = field(default_factory=list)
    owners: list[tuple[bytes, str]] = field(default_factory=list)
    contents: dict[bytes, PictureInfo] = field(default_factory=dict)
    files: list[FileRecord] = field(default_factory=list)
    problems: list[ProblemRecord] = field(default_factory=list)

    def rows(self) -> int:
        """Return how many files the next commit records."""
        return len(self.files) + len(self.problems)

    def add(self, picture: Picture) -> None:
        """Add a picture that was decoded, or a video."""
        if picture.info is None or picture.pixels is None:
            return
        self.contents[picture.sha256] = picture.info
        views = [(part.view, part.pixels) for part in picture.parts] or [("", picture.pixels)]
        for view, pixels in views:
            self.pixels.append(pixels)
            self.owners.append((picture.sha256, view))

    def records(self, encoded: Iterable[tuple[int, NDArray[np.float32]]]) -> list[ImageRecord]:
        """Return the new contents with their vectors, given those (dim,) of `pixels` by position.

        A content none of whose pictures has a vector is left out.
        """
        wholes: dict[bytes, NDArray[np.float32]] = {}
        moments: dict[bytes, dict[str, NDArray[np.float32]]] = {}
        for number, vector in encoded:
            sha256, view = self.owners[number]
            if view:
                moments.setdefault(sha256, {})[view] = vector
            else:
                wholes[sha256] = vector
        found = {sha256: ImageRecord(sha256, self.contents[sha256], vector)
                 for sha256, vector in wholes.items()}  # fmt: skip
        for sha256, views in moments.items():
            vectors = np.stack(list(views.values()))
            # The moment that is nearest to all of them stands for the video.
            whole = vectors[int(np.argmax(vectors @ vectors.mean(axis=0)))]
            found[sha256] = ImageRecord(sha256, self.contents[sha256], whole, _distinct(views))
        return [found[sha256] for sha256 in self.contents if sha256 in found]


def _distinct(views: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Return the moments that differ from the last one that did."""
    kept: dict[str, NDArray[np.float32]] = {}
    last: NDArray[np.float32] | None = None
    for view, vector in views.items():
        if last is None or float(vector @ last) < _ALIKE:
            kept[view] = last = vector
    return kept
