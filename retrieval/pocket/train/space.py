"""The shared space of pictures and texts: a head for the sentence model, and temperatures."""

from __future__ import annotations

import torch
from torch import nn

from retrieval.pocket.train.towers import SentenceHead

_MAX_SCALE = 60.0


class Space(nn.Module):
    """The sentence head, and the temperatures and biases of the losses.

    Each keyword has its own bias, because some are rare and others match every third picture.
    """

    def __init__(self, dim: int, keywords: int) -> None:
        """Create the parameters for embeddings of `dim` numbers and `keywords` keywords."""
        super().__init__()
        self.sentences = SentenceHead(dim)
        self.keyword_scale = nn.Parameter(torch.tensor(3.0))
        self.keyword_bias = nn.Parameter(torch.full((keywords,), -6.0))
        self.caption_scale = nn.Parameter(torch.tensor(3.3))
        self.name_scale = nn.Parameter(torch.tensor(3.0))

    def scales(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the inverse temperatures for captions and for names."""
        return (
            self.caption_scale.exp().clamp(max=_MAX_SCALE),
            self.name_scale.exp().clamp(max=_MAX_SCALE),
        )
