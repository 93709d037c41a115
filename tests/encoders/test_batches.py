"""However many pictures come at a time, each gets the vector that torch gives it alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support import models

from retrieval.encoders import identify, open_encoder
from retrieval.encoders.compiled.exports import read_export
from retrieval.encoders.compiled.openvino import OpenVinoEncoder
from retrieval.encoders.compiled.towers import CACHE_MODES

pytestmark = pytest.mark.slow

COUNTS = (1, 2, 16, 17)


def pictures(size: tuple[int, int], count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(4).integers(0, 256, (count, *size, 3), np.uint8)


@pytest.mark.parametrize("kind", sorted(models.CONFIGS))
def test_each_picture_gets_its_own_vector_in_any_batch(kind: str, tmp_path: Path) -> None:
    if "hf_tokenizer_name" in models.CONFIGS[kind]["model_cfg"]["text_cfg"]:
        pytest.importorskip("transformers")
    model = f"local-dir:{models.save(kind, tmp_path / kind)}"
    torch = open_encoder(model, device="torch")
    pixels = pictures(torch.spec.preprocessing.size, max(COUNTS))
    alone = np.concatenate([torch.encode_images(pixels[i : i + 1]) for i in range(len(pixels))])
    apart = alone - alone.mean(axis=0)
    for _ in ("compiled", "read back"):
        encoder = open_encoder(model, device="cpu:f32")
        assert isinstance(encoder, OpenVinoEncoder)
        for count in COUNTS:
            found = encoder.encode_images(pixels[:count])
            # Of random weights all vectors are nearly alike, and what tells them apart counts.
            np.testing.assert_allclose(
                found, alone[:count], atol=2e-3 * float(np.abs(apart).max()) + 1e-6
            )
    export = read_export(identify(model).fingerprint)
    assert export is not None
    assert export.cache_mode == CACHE_MODES[0], "the weights are kept twice"
