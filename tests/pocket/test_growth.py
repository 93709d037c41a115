"""Larger towers begin by saying what the smaller ones said."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from retrieval.pocket.growth import grown
from retrieval.pocket.model import DualEncoder, Heads, Shape

SMALL = Shape("regnetx_002", image_size=32, dim=16, text_width=32, text_heads=2, text_layers=1)
WORDS = 50


def model_of(shape: Shape, seed: int = 0) -> DualEncoder:
    """Towers with all weights at random, those too that begin at zero or one."""
    torch.manual_seed(seed)
    model = DualEncoder(shape, WORDS, Heads())
    with torch.no_grad():
        for name, value in model.clip.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif value.is_floating_point() and value.ndim == 1:
                value.add_(0.3 * torch.randn_like(value))
    return model.eval()


def lay(small: DualEncoder, shape: Shape) -> DualEncoder:
    large = model_of(shape, seed=1)
    large.clip.load_state_dict(grown(small.clip.state_dict(), large.clip.state_dict()))
    return large


@torch.no_grad()
def outcome(model: DualEncoder) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(5)
    pixels = 255 * torch.rand(4, 3, 32, 32, generator=rng)
    tokens = torch.randint(1, WORDS - 1, (4, 32), generator=rng)
    tokens[:, 9] = WORDS - 1
    return model.encode_images(pixels), model.encode_texts(tokens)


@pytest.mark.parametrize(
    "larger",
    [
        SMALL,
        replace(SMALL, tower="regnety_002"),  # gates
        replace(SMALL, text_layers=3),
    ],
)
def test_grown_towers_say_the_same(larger):
    small = model_of(SMALL)
    for ours, theirs in zip(outcome(small), outcome(lay(small, larger)), strict=True):
        torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-4)


def test_wider_and_deeper_stages_say_the_same():
    """regnety_004 is wider everywhere and deeper but for its last stage: that one is left out."""
    small, large = model_of(SMALL), model_of(replace(SMALL, tower="regnety_004"))
    large.clip.load_state_dict(grown(small.clip.state_dict(), large.clip.state_dict()))
    pixels = 255 * torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    x = y = pixels
    with torch.no_grad():
        for stage in ("stem", "s1", "s2", "s3"):
            x = getattr(small.clip.visual.trunk, stage)(x)
            y = getattr(large.clip.visual.trunk, stage)(y)
            torch.testing.assert_close(y[:, : x.shape[1]], x, rtol=1e-4, atol=1e-3)
    assert x.std() > 0.01


def test_what_is_new_takes_part_once_it_is_trained():
    small = model_of(SMALL)
    large = lay(small, replace(SMALL, tower="regnety_004", text_layers=2)).train()
    pictures, texts = (rows.clone() for rows in outcome(large))
    tokens = torch.randint(1, WORDS, (6, 32))
    optimizer = torch.optim.SGD(large.parameters(), lr=0.05)
    before = {name: value.clone() for name, value in large.clip.state_dict().items()}
    for _ in range(2):
        images = torch.nn.functional.normalize(large.encode_images(255 * torch.rand(6, 3, 64, 64)))
        loss = (images * large.encode_texts(tokens)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = large.clip.state_dict()
    for name in (
        "transformer.resblocks.1.attn.in_proj_weight",
        "transformer.resblocks.1.mlp.c_proj.weight",
        "visual.trunk.s3.b6.conv1.conv.weight",  # a new block
        "visual.trunk.s1.b1.se.fc1.weight",  # a new gate
    ):
        assert not torch.equal(before[name], after[name]), name
    new = "visual.trunk.s2.b1.conv1.conv.weight"  # old rows that begin to read new channels
    assert before[new][:56, 24:].abs().max() == 0
    assert after[new][:56, 24:].abs().max() > 0
    assert not torch.allclose(outcome(large)[0], pictures)
    assert not torch.allclose(outcome(large)[1], texts)


def test_towers_do_not_shrink():
    large = model_of(replace(SMALL, dim=24)).clip.state_dict()
    with pytest.raises(ValueError, match=r"shape \(.*24.*\) does not fit .*: towers only grow"):
        grown(large, model_of(SMALL).clip.state_dict())


def test_another_kind_of_tower_is_refused():
    other = model_of(replace(SMALL, tower="resnet10t")).clip.state_dict()
    with pytest.raises(ValueError, match="is not in the checkpoint, and cannot be made up"):
        grown(model_of(SMALL).clip.state_dict(), other)
