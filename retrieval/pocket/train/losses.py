"""The losses: everything is a distribution over pictures or texts that a row has to match."""

from __future__ import annotations

import torch
from torch.nn import functional


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy (n,) of rows of logits to rows that are distributions."""
    return -(targets * functional.log_softmax(logits, dim=1)).sum(dim=1)


def shares(weights: torch.Tensor) -> torch.Tensor:
    """Let each row of weights sum to 1; every row has some weight."""
    return weights / weights.sum(dim=1, keepdim=True)


def both_ways(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Contrast rows with columns and columns with rows by what is true of what (InfoNCE).

    Rows and columns of which nothing is true are left out of their direction.
    """
    there, back = truth.sum(dim=1) > 0, truth.sum(dim=0) > 0
    rows = cross_entropy(logits[there], shares(truth[there])).mean()
    columns = cross_entropy(logits.T[back], shares(truth.T[back])).mean()
    return (rows + columns) / 2


def mimicry(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Return the mean cosine distance of unit rows to the rows that they are to become."""
    return (1 - (student * teacher).sum(dim=1)).mean()


def relations(student: torch.Tensor, teacher: torch.Tensor, scale: float = 20.0) -> torch.Tensor:
    """Return how differently two sets of unit rows rank the teacher's rows: a cross-entropy."""
    wanted = functional.softmax(scale * teacher @ teacher.T, dim=1)
    return cross_entropy(scale * student @ teacher.T, wanted).mean()
