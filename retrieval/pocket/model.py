"""The dual encoder: an open_clip model with a compact vocabulary, and heads used in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import open_clip
import torch
from torch import nn
from torch.nn import functional

from retrieval.pocket.vocabulary import CONTEXT, FULL_SIZE

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Shape:
    """Sizes of the two towers."""

    tower: str = "regnety_004"
    image_size: int = 112
    dim: int = 256
    text_width: int = 192
    text_heads: int = 3
    text_layers: int = 5

    def open_clip_config(self, vocabulary: int = FULL_SIZE) -> dict[str, Any]:
        """Fill in the `model_cfg` part of an open_clip configuration file."""
        return {
            "embed_dim": self.dim,
            "vision_cfg": {
                "timm_model_name": self.tower,
                "timm_model_pretrained": False,
                "timm_pool": "avg",
                "timm_proj": "linear",
                "image_size": self.image_size,
            },
            "text_cfg": {
                "context_length": CONTEXT,
                "vocab_size": vocabulary,
                "width": self.text_width,
                "heads": self.text_heads,
                "layers": self.text_layers,
            },
        }


@dataclass(frozen=True)
class Heads:
    """How much the heads of training tell apart."""

    classes: int = 1
    words: int = 1
    claims: int = 1


class DualEncoder(nn.Module):
    """open_clip's own CLIP plus three heads that only training uses.

    `class_weights` tells the classes apart; `words` predicts the words of a picture's captions,
    `claims` what is true of a drawn scene. They read the shared image embedding, and none is
    exported.
    """

    def __init__(self, shape: Shape, vocabulary: int, heads: Heads) -> None:
        super().__init__()
        config = shape.open_clip_config(vocabulary)
        self.clip = open_clip.CLIP(
            config["embed_dim"],
            open_clip.CLIPVisionCfg(**config["vision_cfg"]),
            open_clip.CLIPTextCfg(**config["text_cfg"]),
        )
        self.class_weights = nn.Parameter(torch.randn(heads.classes, shape.dim) * shape.dim**-0.5)
        self.words = nn.Linear(shape.dim, heads.words)
        self.claims = nn.Linear(shape.dim, heads.claims)

    def encode_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """(n, 3, H, W) uint8 values as floats → (n, dim), not normalised."""
        mean = torch.tensor(MEAN, device=pixels.device).view(1, 3, 1, 1) * 255
        std = torch.tensor(STD, device=pixels.device).view(1, 3, 1, 1) * 255
        features: torch.Tensor = self.clip.visual((pixels - mean) / std)
        return features

    def encode_texts(self, tokens: torch.Tensor) -> torch.Tensor:
        """Embed (n, context) compact ids as (n, dim) unit rows.

        Texts cost as much as the longest of their batch, so the shorter half goes first, by itself.
        """
        ends = tokens.argmax(dim=1)
        order = ends.argsort(stable=True)
        parts = [self._encode_together(tokens[part], ends[part]) for part in order.chunk(2)]
        return torch.cat(parts)[order.argsort()]

    def _encode_together(self, tokens: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        """Do the same sum as open_clip's `encode_text`, no further than the longest text.

        Attention is causal: the padding behind the end token never reaches the feature read there.
        """
        clip = self.clip
        length = int(ends.max()) + 1
        x = clip.token_embedding(tokens[:, :length]) + clip.positional_embedding[:length]
        x = clip.ln_final(clip.transformer(x, attn_mask=clip.attn_mask[:length, :length]))
        pooled = x[torch.arange(len(x), device=x.device), ends]
        return functional.normalize((pooled @ clip.text_projection).float(), dim=1)

    def scale(self) -> torch.Tensor:
        """Return the learned inverse temperature, held below 50: more only helps memorising."""
        scale: torch.Tensor = self.clip.logit_scale.exp().clamp(max=50.0)
        return scale
