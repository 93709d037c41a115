"""The losses, against values worked out on paper."""

from __future__ import annotations

import math

import pytest
import torch

from retrieval.pocket import losses


def test_pair_targets_share_the_weight_among_equal_groups():
    targets = losses.pair_targets(torch.tensor([7, 8, 7]))
    assert targets.tolist() == [[0.5, 0, 0.5], [0, 1, 0], [0.5, 0, 0.5]]


def test_truth_targets_share_the_weight_among_what_is_true():
    truth = torch.tensor([[1.0, 0, 1, 1], [0, 1, 0, 0]])
    third = pytest.approx(1 / 3)
    assert losses.truth_targets(truth).tolist() == [[third, 0, third, third], [0, 1, 0, 0]]


def test_soft_cross_entropy_of_even_logits_is_the_log_of_their_number():
    found = losses.soft_cross_entropy(torch.zeros(2, 4), torch.full((2, 4), 0.25))
    assert found.item() == pytest.approx(math.log(4))


def test_contrast_of_two_perfect_pairs():
    # Own similarity 1, other 0, at scale 2: each row's loss is log(1 + e^-2).
    unit = torch.eye(2)
    found = losses.contrastive(unit, unit, torch.tensor(2.0), torch.eye(2))
    assert found.item() == pytest.approx(math.log(1 + math.exp(-2)), rel=1e-5)


def test_contrast_does_not_punish_equal_groups():
    same = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    targets = losses.pair_targets(torch.tensor([3, 3]))
    found = losses.contrastive(same, same, torch.tensor(10.0), targets)
    assert found.item() == pytest.approx(math.log(2), rel=1e-5)


def test_softening_moves_the_share_of_a_row_to_its_likes():
    teacher = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    share = torch.tensor([[0.5], [0.0], [0.0]])
    found = losses.soften(torch.eye(3), teacher, share, temperature=0.01)
    assert found[0].tolist() == pytest.approx([0.75, 0.25, 0.0])
    assert found[1].tolist() == [0.0, 1.0, 0.0]


def test_label_loss_smooths_by_a_tenth():
    # Two classes, cosines 1 and 0 at scale 1: 0.95 on the right one, 0.05 on the other.
    image, classes = torch.tensor([[1.0, 0.0]]), torch.eye(2)
    found = losses.label_loss(image, torch.tensor([[1.0, 0.0]]), classes, torch.tensor(1.0))
    right = -math.log(math.e / (math.e + 1))
    assert found.item() == pytest.approx(0.95 * right + 0.05 * (right + 1), rel=1e-5)


def test_mimicry_is_the_cosine_distance():
    student = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    teacher = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    assert losses.mimicry(student, teacher).item() == pytest.approx(0.1)


def test_affinity_is_least_where_both_rank_alike():
    bank = torch.eye(2)
    teacher = torch.tensor([[0.8, 0.6]])
    # Similarities 0.8 and 0.6 at scale 10: a share of e^2 / (e^2 + 1) for the first.
    share = math.exp(2) / (math.exp(2) + 1)
    least = -(share * math.log(share) + (1 - share) * math.log(1 - share))
    assert losses.affinity(teacher, teacher, bank, 10).item() == pytest.approx(least, rel=1e-5)
    other = torch.tensor([[0.6, 0.8]])
    crossed = -(share * math.log(1 - share) + (1 - share) * math.log(share))
    assert losses.affinity(other, teacher, bank, 10).item() == pytest.approx(crossed, rel=1e-5)
