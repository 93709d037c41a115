"""The image towers of today's models with fewer and narrower blocks, under names that timm knows.

What a real one is built of is kept: PE's class token, rotated queries and keys, and pooling by
attention; SigLIP 2's pooling without a class token; MobileCLIP2's convolutions before a
transformer, and between its stages. `timm` finds them once this module is imported.
"""

from __future__ import annotations

from typing import Any

import timm
from timm.models import register_model
from timm.models.vision_transformer_hybrid import ConvStem, _create_vision_transformer_hybrid
from torch import nn

__all__ = ["small_mci3", "small_mci_vit", "small_pe_core", "small_pe_core_bare", "small_siglip"]

_NARROW = {"embed_dim": 64, "depth": 2, "num_heads": 2}


@register_model
def small_pe_core(pretrained: bool = False, **settings: Any) -> nn.Module:
    """As PE-Core-B and -L: with a class token, which its pooling sees, too."""
    narrow = {**_NARROW, "attn_pool_num_heads": 4, **settings}
    return timm.create_model("vit_pe_core_base_patch16_224", **narrow)


@register_model
def small_pe_core_bare(pretrained: bool = False, **settings: Any) -> nn.Module:
    """As PE-Core-T and -S, without a class token."""
    tower: nn.Module = small_pe_core(class_token=False, **settings)
    return tower


@register_model
def small_siglip(pretrained: bool = False, **settings: Any) -> nn.Module:
    """As ViT-B-32-SigLIP2-256."""
    return timm.create_model("vit_base_patch32_siglip_256", **{**_NARROW, **settings})


@register_model
def small_mci3(pretrained: bool = False, **settings: Any) -> nn.Module:
    """As MobileCLIP2-S3 and -S4: five stages, the last two with attention."""
    widths = (16, 32, 64, 128, 256)
    return timm.create_model(
        "fastvit_mci3", **{"layers": (1,) * 5, "embed_dims": widths, **settings}
    )


@register_model
def small_mci_vit(pretrained: bool = False, **settings: Any) -> nn.Module:
    """As MobileCLIP2-B: convolutions make the patches of a transformer."""
    stem = ConvStem(
        channels=(16, 16, 64), stride=(4, 2, 2), kernel_size=(4, 2, 2), padding=0, act_layer=nn.GELU
    )
    tower: nn.Module = _create_vision_transformer_hybrid(  # type: ignore[no-untyped-call]
        "vit_base_mci_224",
        backbone=stem,
        embed_args={"proj": False},
        **{**_NARROW, "no_embed_class": True, **settings},
    )
    return tower
