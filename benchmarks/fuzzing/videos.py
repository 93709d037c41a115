"""Videos of all containers."""

from __future__ import annotations

import io
import math
from pathlib import Path
from random import Random

from fuzzing.cases import LIMITS, Case
from fuzzing.mutations import mutated
from support.fakes import SMALL
from support.videos import CODECS, make_video

from retrieval.images.parts import seconds_of
from retrieval.images.thumbnails import thumbnail_of
from retrieval.images.videos.containers import container_of
from retrieval.images.videos.decoding import read_moments

_SCENES = (("red", 1.0), ("green", 0.8), ("blue", 1.0))


def videos(folder: Path) -> Case:
    """Try changed videos: moments, a thumbnail at any time, or a reason."""
    seeds = [make_video(folder / f"a{ending}", _SCENES).read_bytes() for ending in CODECS]

    def case(random: Random) -> None:
        data = mutated(random, random.choice(seeds), seeds)
        name = container_of(data[:64])
        if not name:
            return
        if random.random() < 0.2:
            thumbnail_of(io.BytesIO(data), 32, LIMITS, at=random.uniform(-1, 10))
            return
        info, parts = read_moments(io.BytesIO(data), name, SMALL, LIMITS)
        assert info.duration is None or (math.isfinite(info.duration) and info.duration > 0)
        times = [seconds_of(part.view) for part in parts]
        assert all(at is not None and 0 <= at <= 1e6 for at in times)
        assert all(part.pixels.shape == (8, 8, 3) for part in parts)

    return case
