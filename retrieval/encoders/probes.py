"""Probes: artificial texts and pictures for comparing engines; extremes reveal differences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PROBE_TEXTS = (
    "a dog",
    "two people on a beach at sunset, one of them with a red umbrella",
    "",
    "word " * 100,
    'Ünïcode 狗 🐶 &amp; "quotes" isn\'t it 1234',
)

HARD_TEXTS = (
    *PROBE_TEXTS,
    " leading,  double  and\ttabbed\nspaces ",
    "A DOG'S ball; isn't (it) under_scored?! 12,345.67",
    "</s> <pad> <unk> <eos> <bos> [CLS]",
    "ﬁne Straße ½ İstanbul e\u0301 \u200b\ufeff",
    "schÃ¶n &lt;b&gt;",
    "две собаки كلب على الشاطئ 한국어 ไทย",
    "supercalifragilisticexpialidocious" * 4,
)
"""The texts for comparing tokenizers."""


def probe_pixels(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return (5, H, W, 3) uint8 pixels: black, white, noise, smooth colours, stripes."""
    height, width = size
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[0:height, 0:width]
    pictures = np.zeros((5, height, width, 3), np.uint8)
    pictures[1] = 255
    pictures[2] = random.integers(0, 256, (height, width, 3), np.uint8)
    pictures[3] = np.stack([rows * 255 // height, columns * 255 // width, rows * 0 + 90], axis=-1)
    pictures[4] = ((rows // 8 + columns // 16) % 2 * 255)[..., None]
    return pictures
