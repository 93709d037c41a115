"""Stages 1 and 2 of the training: the heads, then the upper part of the image tower."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from torch import nn

from retrieval.pocket.train.material import Average, Material, embed_all, rate_factor, set_rate
from retrieval.pocket.train.picture_objective import LABELLED, Batch, Outputs, PictureObjective
from retrieval.pocket.train.recipe import Heads, Tuning
from retrieval.pocket.train.space import Space
from retrieval.pocket.train.towers import Upper

log = logging.getLogger(__name__)

_KEYWORD_FACTOR = 20.0  # of the learning rate: biases start far from their optimum


def train_heads(material: Material, upper: Upper, space: Space, sizes: Heads, seed: int) -> None:
    """Stage 1: train both heads on the frozen networks' features of pictures and texts."""
    rng = np.random.default_rng((seed, 1))
    objective = PictureObjective(material, space, rng)
    upper.train()
    space.train()
    optimizer = torch.optim.AdamW(_groups(upper, space, 1.0), lr=sizes.rate)
    pooled = material.pooled
    for step in range(sizes.steps):
        set_rate(
            optimizer, sizes.rate * rate_factor(step / sizes.steps, step, max(1, sizes.steps // 4))
        )
        batch = objective.draw(sizes)
        labelled = torch.cat([pooled[name][batch.labelled[name]] for name in LABELLED])
        outputs = Outputs(
            photographs=upper.project(pooled["photographs"][batch.photographs]),
            scenes=upper.project(pooled["scenes"][batch.scenes]),
            labelled=upper.project(labelled),
            guesses=None,
        )
        loss = objective.loss(batch, outputs, None)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        if step % 20 == 0:
            log.info("heads, step %d: loss %.3f", step, loss.item())


def tune(
    material: Material, upper: Upper, space: Space, sizes: Tuning, seed: int
) -> tuple[Upper, Space]:
    """Stage 2: also train the upper part of the tower; return averages of the weights."""
    rng = np.random.default_rng((seed, 2))
    objective = PictureObjective(material, space, rng)
    average = Average(upper, space)
    bank = embed_all(upper, material.sets["photographs"])
    upper.train()
    optimizer = torch.optim.AdamW(
        [
            {"params": upper.trunk(), "weight_decay": 0.02, "factor": 1.0},
            *_groups(upper, space, sizes.head_factor),
        ],
        lr=sizes.rate,
        betas=(0.9, 0.98),
    )
    for step in range(sizes.steps):
        set_rate(optimizer, sizes.rate * rate_factor(step / sizes.steps, step, 40))
        batch = objective.draw(sizes, sizes.mixed)
        outputs = _run(material, upper, batch, sizes, rng)
        loss = objective.loss(batch, outputs, bank)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(upper.parameters(), 2.0)
        optimizer.step()
        average.update()
        whole = np.flatnonzero(batch.share.numpy() > 0.8)
        bank[batch.photographs[whole]] = outputs.photographs.detach()[whole]
        if step % 10 == 0:
            log.info("tuning, step %d: loss %.3f", step, loss.item())
    mean_upper, mean_space = average.modules
    assert isinstance(mean_upper, Upper)
    assert isinstance(mean_space, Space)
    return mean_upper, mean_space


def _groups(upper: Upper, space: Space, factor: float) -> list[dict[str, Any]]:
    """Return the heads' parameter groups; biases and temperatures have no weight decay."""
    heads = [*upper.fc1.parameters(), *upper.fc2.parameters(), *space.sentences.parameters()]
    scales = [space.caption_scale, space.name_scale]
    keywords = [space.keyword_scale, space.keyword_bias]
    return [
        {"params": heads, "weight_decay": 0.05, "factor": factor},
        {"params": scales, "weight_decay": 0.0, "factor": 1.0},
        {"params": keywords, "weight_decay": 0.0, "factor": _KEYWORD_FACTOR},
    ]


def _run(
    material: Material, upper: Upper, batch: Batch, sizes: Tuning, rng: np.random.Generator
) -> Outputs:
    """Run the tower on a batch with augmentation: blending, mirroring and cropping.

    Scenes are not augmented, because captions such as "five red fish" must stay true.
    """
    sets = material.sets
    photographs = _mirrored(sets["photographs"].batch(batch.photographs), rng)
    place = {photograph: row for row, photograph in enumerate(batch.photographs.tolist())}
    others = photographs[[place[other] for other in batch.others.tolist()]]
    share = batch.share.view(-1, 1, 1, 1)
    labelled = [sets[name].batch(batch.labelled[name]) for name in LABELLED]
    pictures = torch.cat(
        [share * photographs + (1 - share) * others, _mirrored(torch.cat(labelled), rng)]
    )
    if rng.random() < sizes.cropped:
        pictures = _crop(pictures, sizes.least_crop, rng)
    pooled = upper.pool(pictures.contiguous(memory_format=torch.channels_last))
    scenes = upper.pool(sets["scenes"].batch(batch.scenes))
    rows = upper.project(torch.cat([pooled, scenes]))
    count, all_ = len(photographs), len(pooled)
    return Outputs(rows[:count], rows[all_:], rows[count:all_], upper.classifier(pooled))


def _mirrored(maps: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    flipped = torch.from_numpy(rng.random(len(maps)) < 0.5).view(-1, 1, 1, 1)
    return torch.where(flipped, maps.flip(3), maps)


def _crop(maps: torch.Tensor, least: float, rng: np.random.Generator) -> torch.Tensor:
    """Crop all maps to one random square of at least the share `least` of the side."""
    side = maps.shape[-1]
    cropped = int(rng.integers(max(1, int(side * least)), side + 1))
    top, left = rng.integers(0, side - cropped + 1, 2)
    return maps[:, :, top : top + cropped, left : left + cropped]
