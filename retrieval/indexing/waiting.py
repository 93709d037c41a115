"""What a run has read and not committed yet."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.contents import FileRecord, ProblemRecord
from retrieval.images import PictureInfo


@dataclass(slots=True)
class Waiting:
    """Files whose pictures wait for the encoder, and what else the next commit records."""

    pixels: list[NDArray[np.uint8]] = field(default_factory=list)
    contents: dict[bytes, PictureInfo] = field(default_factory=dict)
    files: list[FileRecord] = field(default_factory=list)
    problems: list[ProblemRecord] = field(default_factory=list)

    def rows(self) -> int:
        """Return how many files the next commit records."""
        return len(self.files) + len(self.problems)
