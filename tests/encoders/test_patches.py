"""open_clip's vision transformers, written for a processor: the same vectors, or not taken."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from retrieval.encoders.probes import probe_pixels
from retrieval.specs import Preprocessing

pytestmark = pytest.mark.slow

PLAIN: dict[str, Any] = {"image_size": 64, "patch_size": 16, "width": 96, "layers": 3, "heads": 4}
MEAN, STD = (0.48, 0.41, 0.3), (0.27, 0.21, 0.35)


def built(size: tuple[int, int] = (64, 64), **changes: Any) -> tuple[Any, Preprocessing]:
    """A model with numbers in all its weights that are large enough for each to matter."""
    import torch
    from open_clip.transformer import VisionTransformer

    torch.manual_seed(5)
    settings = {**PLAIN, "mlp_ratio": 4.0, "output_dim": 32, **changes}
    visual = VisionTransformer(**settings).eval()
    for name, weights in visual.named_parameters():
        if weights.dim() == 1:
            torch.nn.init.normal_(weights, 1.0 if name.endswith("weight") else 0.0, 0.3)
        else:
            torch.nn.init.normal_(weights, 0.0, 1.5 * weights[0].numel() ** -0.5)
    model = SimpleNamespace(visual=visual, encode_image=visual)
    return model, preprocessing_to(size)


def preprocessing_to(size: tuple[int, int]) -> Preprocessing:
    return Preprocessing(
        size=size, mean=MEAN, std=STD, resize_mode="shortest", interpolation="bicubic"
    )


def features(model: Any, pixels: np.ndarray[Any, Any]) -> Any:
    """What open_clip makes of pictures that its own transform has normalised."""
    import torch

    planes = torch.from_numpy(pixels).permute(0, 3, 1, 2).double() / 255
    mean, std = (torch.tensor(of, dtype=torch.float64).view(1, 3, 1, 1) for of in (MEAN, STD))
    with torch.inference_mode():
        return model.encode_image(((planes - mean) / std).float()).numpy()


def ours(tower: Any, pixels: np.ndarray[Any, Any]) -> Any:
    import torch

    with torch.inference_mode():
        return tower(torch.from_numpy(pixels)).numpy()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layers": 1},
        {"image_size": (48, 80)},
        {"patch_size": (8, 32)},
        {"pool_type": "avg"},
        {"pool_type": "avg", "final_ln_after_pool": True},
        {"final_ln_after_pool": True},
        {"no_ln_pre": True},
        {"ls_init_value": 0.4},
        {"pos_embed_type": "sin_cos_2d"},
        {"patch_dropout": 0.5},
        {"heads": 6, "mlp_ratio": 2.5},
    ],
    ids=str,
)
def test_it_gives_what_open_clip_gives(changes: dict[str, Any]) -> None:
    from retrieval.encoders.export.patches import patch_tower

    size = changes.get("image_size", (64, 64))
    model, preprocessing = built(size, **changes)
    tower = patch_tower(model, preprocessing)
    assert tower is not None
    pixels = probe_pixels(size)
    expected = features(model, pixels)
    np.testing.assert_allclose(ours(tower, pixels), expected, atol=1e-4 * np.abs(expected).max())
    apart = np.abs(expected[0] - expected[2]).max()
    assert apart > 0.05 * np.abs(expected).max(), "pictures must differ for this to tell anything"


def test_quick_gelu_is_taken_as_it_is() -> None:
    from open_clip.transformer import QuickGELU

    from retrieval.encoders.export.patches import patch_tower

    model, preprocessing = built(act_layer=QuickGELU)
    tower = patch_tower(model, preprocessing)
    pixels = probe_pixels((64, 64))
    expected = features(model, pixels)
    np.testing.assert_allclose(ours(tower, pixels), expected, atol=1e-4 * np.abs(expected).max())
    plain, _ = built()
    assert np.abs(features(plain, pixels) - expected).max() > 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize(
    "changes",
    [
        {"attentional_pool": True},
        {"attentional_pool": "parallel"},
        {"output_tokens": True},
        {"pool_type": "none"},
        {"qk_norm": True},
        {"block_type": "custom"},
    ],
    ids=str,
)
def test_a_tower_that_is_built_otherwise_is_left_to_open_clip(changes: dict[str, Any]) -> None:
    from retrieval.encoders.export.patches import patch_tower

    assert patch_tower(*built(**changes)) is None


def test_pixels_that_no_patch_holds_are_left_to_open_clip() -> None:
    """Its convolution leaves them out."""
    from retrieval.encoders.export.patches import patch_tower

    assert patch_tower(*built((70, 70), image_size=70)) is None


def test_towers_of_other_kinds_are_left_to_open_clip() -> None:
    import open_clip

    from retrieval.encoders.export.patches import patch_tower

    for name in ("RN50", "MobileCLIP-S1"):
        model = open_clip.create_model(name, pretrained=None, load_weights=False)
        size = model.visual.image_size
        size = (size, size) if isinstance(size, int) else tuple(size)
        assert patch_tower(model, preprocessing_to(size)) is None


def test_what_comes_of_it_has_fewer_steps_than_open_clip_s_own() -> None:
    """The last block carries one token: no matrix of its multilayer perceptron sees them all."""
    import torch

    from retrieval.encoders.export.patches import patch_tower

    model, preprocessing = built()
    tower = patch_tower(model, preprocessing)
    seen: list[int] = []
    last = model.visual.transformer.resblocks[-1].mlp.c_fc
    last.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[1]))
    assert tower is not None
    with torch.inference_mode():
        tower(torch.from_numpy(probe_pixels((64, 64))))
        model.encode_image(torch.zeros(1, 3, 64, 64))
    assert seen == [1, 17]
