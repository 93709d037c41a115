"""Losses by hand: what is right costs little, what is wrong costs much, and by how much."""

from __future__ import annotations

import math

import torch

from retrieval.pocket.train.losses import (
    cosine_distance,
    cross_entropy,
    ranking_distance,
    row_distributions,
    symmetric_contrastive,
)


def test_cross_entropy_of_a_distribution() -> None:
    logits = torch.tensor([[0.0, 0.0], [math.log(3.0), 0.0]])
    targets = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    found = cross_entropy(logits, targets)
    assert torch.allclose(found, torch.tensor([math.log(2), math.log(4 / 3)]))


def test_shares_sum_to_one() -> None:
    assert row_distributions(torch.tensor([[1.0, 3.0]])).tolist() == [[0.25, 0.75]]


def test_both_ways_leaves_out_what_nothing_is_true_of() -> None:
    logits = torch.tensor([[5.0, 0.0, 0.0], [0.0, 5.0, 0.0]])
    truth = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    row = -math.log(math.exp(5) / (math.exp(5) + 2))
    column = -math.log(math.exp(5) / (math.exp(5) + 1))
    assert math.isclose(
        symmetric_contrastive(logits, truth).item(), (row + column) / 2, rel_tol=1e-5
    )


def test_both_ways_prefers_the_truth() -> None:
    truth = torch.eye(4)
    right, wrong = 8 * torch.eye(4), 8 * torch.eye(4).flip(0)
    assert symmetric_contrastive(right, truth) < 0.01 < 5 < symmetric_contrastive(wrong, truth)


def test_mimicry_is_the_cosine_distance() -> None:
    one = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    other = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert cosine_distance(one, other).item() == 0.5


def test_relations_are_least_for_the_teacher_itself() -> None:
    generator = torch.Generator().manual_seed(0)
    teacher = torch.nn.functional.normalize(torch.randn(8, 4, generator=generator), dim=1)
    assert ranking_distance(teacher, teacher) < ranking_distance(teacher.flip(0), teacher)
