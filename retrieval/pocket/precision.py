"""bfloat16 in training, where the machine at hand is faster for it."""

from __future__ import annotations

import statistics
from functools import lru_cache
from time import perf_counter

import torch

from retrieval.pocket.model import DualEncoder, Heads, Shape

_TRIES = 6  # the first warms up
_GAIN = 1.15  # so much faster it has to be: less is noise, and rounding is not free


def half_precision(device: str, enabled: bool) -> torch.autocast:
    """Compute in bfloat16 if that is `enabled`: see `pays_in_half`."""
    return torch.autocast(device, torch.bfloat16, enabled=enabled)


@lru_cache
def pays_in_half(device: str, tower: str) -> bool:
    """Tell whether an image tower learns faster in bfloat16: measured, but known of CUDA cards.

    Some processors have instructions for bfloat16 that are slower than those for float32, some
    have faster ones, and what they say of themselves does not tell which.
    """
    if device == "cuda":
        return True
    with torch.random.fork_rng(devices=[]):
        model = DualEncoder(Shape(tower=tower, text_layers=1), 2, Heads())
    model = model.to(memory_format=torch.channels_last)
    pixels = torch.zeros(32, 3, 96, 96).to(memory_format=torch.channels_last)
    parameters = list(model.clip.visual.parameters())

    def seconds(half: bool) -> float:
        began = perf_counter()
        with half_precision(device, half):
            loss = model.encode_images(pixels).float().square().mean()
        torch.autograd.grad(loss, parameters)
        return perf_counter() - began

    tried = [(seconds(False), seconds(True)) for _ in range(_TRIES)][1:]
    exact, half = (statistics.median(each) for each in zip(*tried, strict=True))
    return bool(half * _GAIN < exact)
