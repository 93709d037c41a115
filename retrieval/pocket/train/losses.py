"""Losses. Most compare a row of logits with a target distribution over pictures or texts."""

from __future__ import annotations

import torch
from torch.nn import functional


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy (n,) between rows of logits and rows of target distributions."""
    return -(targets * functional.log_softmax(logits, dim=1)).sum(dim=1)


def row_distributions(weights: torch.Tensor) -> torch.Tensor:
    """Scale each row of weights to sum to 1; no row may be all zeros."""
    return weights / weights.sum(dim=1, keepdim=True)


def symmetric_contrastive(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the symmetric InfoNCE loss of logits (n, m); `truth` (n, m) weights matching pairs.

    A row or a column without any match does not count in its direction.
    """
    there, back = truth.sum(dim=1) > 0, truth.sum(dim=0) > 0
    rows = cross_entropy(logits[there], row_distributions(truth[there])).mean()
    columns = cross_entropy(logits.T[back], row_distributions(truth.T[back])).mean()
    return (rows + columns) / 2


def cosine_distance(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Return the mean cosine distance of unit rows to their target rows."""
    return (1 - (student * teacher).sum(dim=1)).mean()


def ranking_distance(
    student: torch.Tensor, teacher: torch.Tensor, scale: float = 20.0
) -> torch.Tensor:
    """Return the cross-entropy between both sets' similarities to the teacher's unit rows."""
    wanted = functional.softmax(scale * teacher @ teacher.T, dim=1)
    return cross_entropy(scale * student @ teacher.T, wanted).mean()
