"""The losses: contrast between pictures and texts, and the heads that share the image tower."""

from __future__ import annotations

import torch
from torch.nn import functional


def soft_cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Take the mean cross-entropy where each row of `targets` is a distribution."""
    return -(targets * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


def pair_targets(groups: torch.Tensor) -> torch.Tensor:
    """Let row i spread its weight evenly over every column of the same group as i."""
    return truth_targets((groups[:, None] == groups[None, :]).float())


def truth_targets(truth: torch.Tensor) -> torch.Tensor:
    """Let each row spread its weight evenly over the columns that are true of it, at least one."""
    return truth / truth.sum(dim=1, keepdim=True)


def soften(
    targets: torch.Tensor, teacher: torch.Tensor, share: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Move a share of each row's weight to where the teacher sees likeness.

    `share` is a column, one value a row. `teacher` holds unit vectors of the captions' meaning:
    with "a dog runs" and "a dog jumps" in one batch, calling the second one plainly wrong for the
    first picture teaches noise.
    """
    likeness = functional.softmax(teacher @ teacher.T / temperature, dim=1)
    return (1 - share) * targets + share * likeness


def contrastive(
    images: torch.Tensor, texts: torch.Tensor, scale: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Contrast unit rows both ways (symmetric InfoNCE); `targets[i]` says what fits picture i."""
    logits = scale * images @ texts.T
    backwards = truth_targets(targets.T)
    there, back = soft_cross_entropy(logits, targets), soft_cross_entropy(logits.T, backwards)
    return (there + back) / 2


def mimicry(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Take the mean cosine distance of unit rows to the rows they are to become."""
    return (1 - (student * teacher).sum(dim=1)).mean()


def affinity(
    student: torch.Tensor, teacher: torch.Tensor, bank: torch.Tensor, scale: float
) -> torch.Tensor:
    """Take the cross-entropy between two rankings of a bank: the teacher's and the student's.

    All rows are unit vectors, those of `bank` in the teacher's space. Where `mimicry` counts every
    direction alike, this counts what moves a row nearer to one thing in the bank than to another.
    """
    wanted = functional.softmax(scale * teacher @ bank.T, dim=1)
    return soft_cross_entropy(scale * student @ bank.T, wanted)


def label_loss(
    images: torch.Tensor, targets: torch.Tensor, classes: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Take the cross-entropy of unit image rows against unit class rows, with label smoothing.

    Each row of `targets` is a distribution over the classes.
    """
    return functional.cross_entropy(scale * images @ classes.T, targets, label_smoothing=0.1)
