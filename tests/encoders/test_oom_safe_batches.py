"""A card whose memory runs out: smaller batches, no lost row, and a word about it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support import models

from retrieval.encoders import open_encoder
from retrieval.encoders.oom_safe_batches import OomSafeBatches
from retrieval.encoders.openclip import OpenClipEncoder
from retrieval.errors import ModelError

pytestmark = pytest.mark.slow


class Card:
    """Doubles numbers, so many at a time."""

    def __init__(self, holds: int) -> None:
        self.holds = holds
        self.asked: list[int] = []

    def encode(self, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        self.asked.append(len(rows))
        if len(rows) > self.holds:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return np.float32(2) * rows.reshape(-1, 1)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60))
def test_every_row_comes_back_in_its_place(count: int, most: int, holds: int) -> None:
    rows = np.arange(count, dtype=np.uint8)
    card, batches = Card(holds), OomSafeBatches(most, "cuda")
    np.testing.assert_array_equal(batches.encode(rows, card.encode)[:, 0], rows * 2.0)
    assert sum(asked for asked in card.asked if asked <= holds) == count
    too_large = [asked for asked in card.asked if asked > holds]
    assert batches.max_rows <= holds if too_large else batches.max_rows == most


def test_what_did_not_fit_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    rows = np.arange(20, dtype=np.uint8)
    card, batches = Card(5), OomSafeBatches(16, "cuda")
    for _ in range(2):
        batches.encode(rows, card.encode)
    assert card.asked == [16, 8, *[4] * 10]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert [word for word in ("cuda", "8", "4") if word not in caplog.messages[-1]] == []


def test_a_model_that_holds_no_picture_says_so() -> None:
    with pytest.raises(ModelError, match="does not fit into the memory of the device cuda") as told:
        OomSafeBatches(4, "cuda").encode(np.zeros(3, np.uint8), Card(0).encode)
    assert "--device cpu" in told.value.hint


def test_a_mac_that_runs_out_is_understood() -> None:
    asked: list[int] = []

    def encode(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        asked.append(len(rows))
        if len(rows) > 1:
            raise RuntimeError("MPS backend out of memory (MPS allocated: 9.06 GB)")
        return np.ones((1, 2), np.float32)

    assert OomSafeBatches(9, "mps").encode(np.zeros(2, np.uint8), encode).shape == (2, 2)
    assert asked == [2, 1, 1]


def test_other_errors_pass() -> None:
    def encode(_: Any) -> NDArray[np.float32]:
        raise RuntimeError("no such kernel")

    with pytest.raises(RuntimeError, match="no such kernel"):
        OomSafeBatches(4, "cuda").encode(np.zeros(3, np.uint8), encode)


def test_a_model_on_a_small_card_encodes_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    encoder = open_encoder(f"local-dir:{models.save('oblong', tmp_path / 'model')}", device="torch")
    assert isinstance(encoder, OpenClipEncoder)
    random = np.random.default_rng(0)
    height, width = encoder.spec.preprocessing.size
    pixels = random.integers(0, 256, (7, height, width, 3), np.uint8)
    texts = [f"picture {number}" for number in range(7)]
    expected = encoder.encode_images(pixels), encoder.encode_texts(texts)

    def small(whole: Any) -> Any:
        def encode(rows: Any) -> Any:
            if len(rows) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return whole(rows)

        return encode

    for name in ("encode_image", "encode_text"):
        monkeypatch.setattr(encoder.model, name, small(getattr(encoder.model, name)))
    np.testing.assert_allclose(encoder.encode_images(pixels), expected[0], atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(texts), expected[1], atol=1e-5)
