"""Which captions are true of which drawn scenes, derived from the facts that define the scenes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.scenes import scene_facts
from retrieval.scenes.captions import truths, write_captions


def caption_truth(seeds: Sequence[int], captions: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Return which captions describe which scenes, (scenes, captions).

    A caption is given by the seed of its scene and its position among that scene's captions.
    """
    holding = [truths(scene_facts(seed)) for seed in seeds]
    claims = [write_captions(scene_facts(seed))[place].claims for seed, place in captions]
    return np.array([[claim <= true for claim in claims] for true in holding])
