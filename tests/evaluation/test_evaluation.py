"""The measures against figures worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import log2
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.errors import QueryError
from retrieval.evaluation.captions import read_captions
from retrieval.evaluation.metrics import evaluate
from retrieval.vectors import normalise


def unit(*rows: Sequence[float]) -> NDArray[np.float32]:
    return normalise(np.array(rows, np.float32))


def test_a_perfect_model() -> None:
    vectors = np.eye(12, dtype=np.float32)
    result = evaluate(vectors, vectors, np.arange(12))
    for measures in (result.text_to_image, result.image_to_text):
        assert measures.recall == {1: 1.0, 5: 1.0, 10: 1.0}
        assert (measures.median_rank, measures.mrr, measures.ndcg) == (1.0, 1.0, 1.0)
    assert result.chance_text_to_image == {1: 1 / 12, 5: 5 / 12, 10: 10 / 12}


def test_two_pictures_three_captions_by_hand() -> None:
    images = unit((1, 0), (0, 1))
    # Captions 0 and 1 belong to picture 0; caption 1 is nearer to picture 1. Caption 2 is right.
    captions = unit((1, 0.1), (0.2, 1), (0.1, 1))
    result = evaluate(images, captions, np.array([0, 0, 1]))
    text = result.text_to_image
    assert text.recall[1] == pytest.approx(2 / 3)
    assert text.mrr == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert text.median_rank == 1.0
    assert text.ndcg == pytest.approx((1 + 1 / log2(3) + 1) / 3)
    # Picture 0: its captions come first and second. Picture 1: caption 2, then caption 1.
    image = result.image_to_text
    assert image.recall[1] == 1.0
    assert image.mrr == 1.0
    assert image.ndcg == pytest.approx(1.0)
    assert result.chance_image_to_text[1] == pytest.approx((2 / 3 + 1 / 3) / 2)


def test_image_to_text_counts_other_pictures_captions_ahead_of_the_best_own_one() -> None:
    images = unit((1, 0), (0, 1))
    captions = unit((0.9, 1), (0.8, 1), (1, 0.5))  # the last is nearest to picture 0, not its own
    result = evaluate(images, captions, np.array([0, 0, 1]))
    # Picture 0: the stranger first, own ones second and third. Picture 1: own one third.
    assert result.image_to_text.recall == {1: 0.0, 5: 1.0, 10: 1.0}
    assert result.image_to_text.mrr == pytest.approx((1 / 2 + 1 / 3) / 2)
    ideal = 1 + 1 / log2(3)
    zero = (1 / log2(3) + 1 / log2(4)) / ideal
    assert result.image_to_text.ndcg == pytest.approx((zero + 1 / log2(4)) / 2)


def test_a_model_that_sees_no_difference_gets_the_last_rank() -> None:
    same = unit(*[(1.0, 1.0)] * 20)
    result = evaluate(same, same, np.arange(20))
    assert result.text_to_image.recall == {1: 0.0, 5: 0.0, 10: 0.0}
    assert result.text_to_image.median_rank == 20
    assert result.image_to_text.recall[10] == 0.0


def test_blocks_do_not_change_the_result() -> None:
    random = np.random.default_rng(1)
    images = unit(*random.normal(size=(1500, 8)))
    captions = unit(*random.normal(size=(3000, 8)))
    owner = np.repeat(np.arange(1500), 2)
    result = evaluate(images, captions, owner)
    scores = captions @ images.T
    ranks = [int((scores[c] >= scores[c, owner[c]]).sum()) for c in range(3000)]
    assert result.text_to_image.recall[10] == pytest.approx(np.mean(np.array(ranks) <= 10))
    assert result.text_to_image.mrr == pytest.approx(np.mean(1 / np.array(ranks)))


def test_guessing_is_as_good_as_the_chance_level() -> None:
    random = np.random.default_rng(2)
    images = unit(*random.normal(size=(200, 64)))
    captions = unit(*random.normal(size=(1000, 64)))
    result = evaluate(images, captions, np.repeat(np.arange(200), 5))
    assert result.text_to_image.recall[10] == pytest.approx(0.05, abs=0.02)
    chance = 1 - math.comb(995, 10) / math.comb(1000, 10)
    assert result.chance_image_to_text[10] == pytest.approx(chance)
    assert result.image_to_text.recall[10] == pytest.approx(chance, abs=0.04)


def test_captions_are_read_and_files_are_relative_to_them(tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    path.write_text('{"file": "a.jpg", "captions": ["one", "zwei ü"], "more": 1}\n\n', "utf-8")
    (picture,) = read_captions(str(path))
    assert picture.file == str(tmp_path / "a.jpg")
    assert picture.captions == ("one", "zwei ü")


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        '{"file": "a"}',
        '{"file": 1, "captions": ["x"]}',
        '{"file": "a", "captions": []}',
        '{"file": "a", "captions": "x"}',
        '{"file": "a", "captions": [1]}',
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "captions.jsonl"
    path.write_text('{"file": "a", "captions": ["x"]}\n' + line + "\n")
    with pytest.raises(QueryError, match="line 2"):
        read_captions(str(path))


def test_no_captions_at_all(tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    with pytest.raises(QueryError, match="cannot be read"):
        read_captions(str(path))
    path.write_text("\n")
    with pytest.raises(QueryError, match="no captions"):
        read_captions(str(path))
