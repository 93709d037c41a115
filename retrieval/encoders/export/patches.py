"""open_clip's vision transformers, rewritten so that a processor has less to compute.

Most models read only one token of the last block, so the block does not compute the others. The
first weights include the scaling and normalising of pixels. Patches are cut from whole rows of
bytes. Queries (already scaled), keys and values are computed separately, which avoids transposing
them afterwards.

Imports torch.
"""

from __future__ import annotations

from typing import Any

import torch
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

from retrieval.specs import Preprocessing

_MIDDLE = 128
"""Subtracted from each byte: with rounded weights, pixels around zero lose least precision."""


def patch_tower(model: Any, preprocessing: Preprocessing) -> nn.Module | None:
    """Return a module equal to `model.encode_image` that takes (n, H, W, 3) uint8 pixels.

    None for an unsupported architecture.
    """
    visual = model.visual
    if type(visual) is not VisionTransformer or visual.output_tokens:
        return None
    (rows, columns), (height, width) = visual.grid_size, visual.patch_size
    known = (
        (rows * height, columns * width) == preprocessing.size
        and visual.attn_pool is None
        and visual.pool_type in {"tok", "avg"}
        and all(map(_is_plain, visual.transformer.resblocks))
    )
    return _Tower(visual, preprocessing) if known else None


def _is_plain(block: nn.Module) -> bool:
    """Return whether `_Tower` and `_Attention` support everything in a block."""
    attention = getattr(block, "attn", None)
    return (
        type(block) is ResidualAttentionBlock
        and type(attention) is nn.MultiheadAttention
        and attention.in_proj_weight is not None
        and attention.in_proj_bias is not None
        and attention.bias_k is None
        and not attention.add_zero_attn
    )


class _Tower(nn.Module):
    weights: Tensor
    places: Tensor
    start: Tensor

    def __init__(self, visual: VisionTransformer, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.visual = visual
        self.blocks: list[Any] = list(visual.transformer.resblocks)
        self.attention = nn.ModuleList(_Attention(block.attn) for block in self.blocks)
        weights, bias = _for_bytes(visual.conv1.weight.detach(), preprocessing)
        places = visual.positional_embedding.detach()
        self.register_buffer("weights", weights)
        self.register_buffer("places", places[1:] + bias)
        self.register_buffer("start", visual.class_embedding.detach() + places[0])

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.visual.ln_pre(self.tokens(pixels))
        for block, attention in zip(self.blocks, self.attention, strict=True):
            alone = block is self.blocks[-1] and self.visual.pool_type == "tok"
            read = x[:, :1] if alone else x
            normed = block.ln_1(x)
            mixed = attention(normed[:, :1] if alone else normed, normed)
            read = read + block.ls_1(mixed)
            x = read + block.ls_2(block.mlp(block.ln_2(read)))
        features: Tensor = self.pooled(x) @ self.visual.proj
        return features

    def tokens(self, pixels: Tensor) -> Tensor:
        """Return (n, 1 + patches, width)."""
        n = pixels.shape[0]
        (rows, columns), (height, width) = self.visual.grid_size, self.visual.patch_size
        strips = pixels.reshape(n, rows, height, columns, width * 3)
        patches = strips.permute(0, 1, 3, 2, 4).reshape(n, rows * columns, height * width * 3)
        middled = patches.to(torch.float32) - _MIDDLE
        embedded = functional.linear(middled, self.weights) + self.places
        return torch.cat([self.start.expand(n, 1, -1), embedded], dim=1)

    def pooled(self, x: Tensor) -> Any:
        """Return (n, width) of tokens (n, 1 or all, width)."""
        if self.visual.pool_type == "tok":
            return self.visual.ln_post(x[:, 0])
        if self.visual.final_ln_after_pool:
            return self.visual.ln_post(x[:, 1:].mean(dim=1))
        return self.visual.ln_post(x[:, 1:]).mean(dim=1)


def _for_bytes(weights: Tensor, preprocessing: Preprocessing) -> tuple[Tensor, Tensor]:
    """Return weights (width, bytes of a patch) and a bias (width,) for bytes minus `_MIDDLE`.

    They are computed from a convolution's weights (width, 3, height, width) over normalised
    pixels, in double precision because the bias is a long sum.
    """
    mean, std = (
        torch.tensor(of, dtype=torch.float64).view(1, 3, 1, 1)
        for of in (preprocessing.mean, preprocessing.std)
    )
    scaled = weights.double() / (255 * std)
    bias = (scaled * (_MIDDLE - 255 * mean)).sum(dim=(1, 2, 3))
    return scaled.permute(0, 2, 3, 1).flatten(1).float(), bias.float()


class _Attention(nn.Module):
    """`nn.MultiheadAttention` of some tokens over all tokens, (n, tokens, width) each."""

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.heads = attention.num_heads
        self.width = attention.embed_dim
        self.head_width = self.width // self.heads
        weights, biases = attention.in_proj_weight.detach(), attention.in_proj_bias.detach()
        self.queries, self.keys, self.values = map(
            _linear, weights.chunk(3), biases.chunk(3), (self.head_width**-0.5, 1.0, 1.0)
        )
        self.out_proj = attention.out_proj

    def forward(self, some: Tensor, tokens: Tensor) -> Tensor:
        queries, keys, values = (
            linear(x).reshape(x.shape[0], x.shape[1], self.heads, self.head_width).transpose(1, 2)
            for linear, x in ((self.queries, some), (self.keys, tokens), (self.values, tokens))
        )
        shares = torch.softmax(queries @ keys.transpose(-1, -2), dim=-1)
        mixed = (shares @ values).transpose(1, 2)
        read: Tensor = self.out_proj(mixed.reshape(some.shape[0], some.shape[1], self.width))
        return read


def _linear(weights: Tensor, bias: Tensor, scale: float) -> nn.Linear:
    linear = nn.Linear(weights.shape[1], weights.shape[0])
    linear.weight.data, linear.bias.data = weights * scale, bias * scale
    return linear
