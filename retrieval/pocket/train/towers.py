"""The two towers during training, and the head on the sentence model.

The image tower is EfficientNet-Lite2 with its batch norms folded into the convolutions. Only the
part above the first `FROZEN` stages is trained; the output below it is computed once (`pictures`).
The text tower equals open_clip's, restricted to the tokens that the training texts use.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from retrieval.pocket.train.pretrained import BACKBONE, SENTENCE_DIM

FROZEN = 5
"""The number of the backbone's seven stages that are not trained."""

_DROPOUT = 0.5
_SENTENCE_SCALE = SENTENCE_DIM**0.5  # scales the small numbers of unit rows to about 1


@dataclass(frozen=True)
class Shape:
    """Sizes of the model."""

    backbone: str = BACKBONE
    image_size: int = 224
    dim: int = 512
    text_width: int = 256
    text_heads: int = 4
    text_layers: int = 4
    context: int = 64


class Relu6(nn.Module):
    """The activation that remains of a batch norm after folding."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Clip to the range 0 to 6."""
        return functional.relu6(x)


def folded(convolution: nn.Conv2d, norm: Any) -> nn.Conv2d:
    """Return one convolution with bias, equal to both layers in evaluation mode."""
    both = copy.deepcopy(convolution)
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    both.weight = nn.Parameter((convolution.weight * factor.view(-1, 1, 1, 1)).detach())
    both.bias = nn.Parameter((norm.bias - norm.running_mean * factor).detach())
    return both


def fold_norms(backbone: Any) -> Any:
    """Return a copy of a timm EfficientNet (without squeeze-excite) with folded batch norms."""
    net = copy.deepcopy(backbone).eval()
    net.conv_stem, net.bn1 = folded(net.conv_stem, net.bn1), Relu6()
    net.conv_head, net.bn2 = folded(net.conv_head, net.bn2), Relu6()
    for block in (block for stage in net.blocks for block in stage):
        for convolution, norm, active in norms_of(block):
            setattr(block, convolution, folded(getattr(block, convolution), getattr(block, norm)))
            setattr(block, norm, Relu6() if active else nn.Identity())
    return net


def norms_of(block: nn.Module) -> tuple[tuple[str, str, bool], ...]:
    """Return a block's convolutions, the norm after each, and whether an activation follows."""
    if hasattr(block, "conv_pwl"):
        return (("conv_pw", "bn1", True), ("conv_dw", "bn2", True), ("conv_pwl", "bn3", False))
    return (("conv_dw", "bn1", True), ("conv_pw", "bn2", False))


class Lower(nn.Module):
    """The frozen part: pixels (n, H, W, 3) uint8 to feature maps (n, C, h, w)."""

    stem: nn.Conv2d
    norm: nn.Module
    stages: nn.Sequential

    def __init__(self, net: Any) -> None:
        """Use the lower layers of a folded backbone."""
        super().__init__()
        self.stem, self.norm, self.stages = net.conv_stem, net.bn1, net.blocks[:FROZEN]

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Compute feature maps; scales the pixels as in the backbone's training."""
        planes = (pixels.permute(0, 3, 1, 2).float() - 127) / 128
        maps: torch.Tensor = self.stages(self.norm(self.stem(planes)))
        return maps


class Upper(nn.Module):
    """The trained part: feature maps to pooled features (n, F), and those to embeddings (n, dim).

    `classifier` is the backbone's own head for 1,000 classes on the same features.
    """

    stages: nn.Sequential
    head: nn.Conv2d
    classifier: nn.Linear

    def __init__(self, net: Any, dim: int) -> None:
        """Use the upper layers of a folded backbone; add a head for embeddings of `dim` numbers."""
        super().__init__()
        self.stages, self.head = net.blocks[FROZEN:], net.conv_head
        self.classifier = net.classifier
        features = net.conv_head.out_channels
        self.fc1, self.fc2 = nn.Linear(features, 2 * dim), nn.Linear(2 * dim, dim)

    def pool(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the pooled features (n, F) of feature maps."""
        features = functional.relu6(self.head(self.stages(maps)))
        return features.mean(dim=(2, 3))

    def project(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return unit rows (n, dim); this is open_clip's `timm_proj: mlp`."""
        hidden = functional.dropout(functional.gelu(self.fc1(pooled)), _DROPOUT, self.training)
        return functional.normalize(self.fc2(hidden), dim=1)

    def trunk(self) -> Iterable[nn.Parameter]:
        """Return the parameters below the pooled features."""
        return [*self.stages.parameters(), *self.head.parameters()]


class SentenceHead(nn.Module):
    """Maps the sentence model's unit rows to unit rows in the space of pictures."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.straight = nn.Linear(SENTENCE_DIM, dim)
        self.fc1, self.fc2 = nn.Linear(SENTENCE_DIM, 2 * dim), nn.Linear(2 * dim, dim)

    def forward(self, sentences: torch.Tensor) -> torch.Tensor:
        """Project (n, `SENTENCE_DIM`) rows to (n, dim)."""
        x = sentences * _SENTENCE_SCALE
        hidden = functional.dropout(functional.gelu(self.fc1(x)), _DROPOUT, self.training)
        return functional.normalize(self.straight(x) + self.fc2(hidden), dim=1)


class Block(nn.Module):
    """One layer of open_clip's text transformer."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.in_proj, self.out_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        deep = width**-0.5 * (2 * layers) ** -0.5
        spreads = (width**-0.5, deep, (2 * width) ** -0.5, deep)
        linears = (self.in_proj, self.out_proj, self.c_fc, self.c_proj)
        for linear, spread in zip(linears, spreads, strict=True):
            nn.init.normal_(linear.weight, std=spread)
            nn.init.zeros_(linear.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform (n, length, width) activations."""
        count, length, width = x.shape
        parts = self.in_proj(self.ln_1(x)).view(count, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out_proj(seen.transpose(1, 2).reshape(count, length, width))
        out: torch.Tensor = x + self.c_proj(functional.gelu(self.c_fc(self.ln_2(x))))
        return out


class TextTower(nn.Module):
    """open_clip's text transformer with a compact vocabulary; it reads at the end token."""

    def __init__(self, shape: Shape, vocabulary: int, dim: int) -> None:
        super().__init__()
        width = shape.text_width
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.randn(shape.context, width) * 0.01)
        self.blocks = nn.ModuleList(
            Block(width, shape.text_heads, shape.text_layers) for _ in range(shape.text_layers)
        )
        self.ln_final = nn.LayerNorm(width)
        self.projection = nn.Parameter(torch.randn(width, dim) * width**-0.5)
        nn.init.normal_(self.tokens.weight, std=0.02)

    def features(self, tokens: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        """Return (n, width) rows read at `ends`; computes only up to the longest text."""
        length = int(ends.max()) + 1
        x = self.tokens(tokens[:, :length]) + self.positions[:length]
        for block in self.blocks:
            x = block(x)
        rows: torch.Tensor = self.ln_final(x[torch.arange(len(x)), ends])
        return rows

    def forward(self, tokens: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        """Embed (n, context) compact token ids as (n, dim) unit rows."""
        return functional.normalize(self.features(tokens, ends) @ self.projection, dim=1)
