"""Which captions are true of which drawn scenes: known, because scenes are drawn from facts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.scenes import scene_facts
from retrieval.scenes.captions import truths, write_captions


def true_of(seeds: Sequence[int], captions: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Tell which captions describe which scenes: (scenes, captions).

    A caption is the seed of the scene it was written for and its place among that scene's captions.
    """
    holding = [truths(scene_facts(seed)) for seed in seeds]
    claims = [write_captions(scene_facts(seed))[place].claims for seed, place in captions]
    return np.array([[claim <= true for claim in claims] for true in holding])
