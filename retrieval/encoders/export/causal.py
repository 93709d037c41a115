"""open_clip's causal text towers, such as CLIP's own.

The padding after a text's end has no influence on them, so it need not be computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.texts.numpy_text_tower import LAYER, TextTowerShape


def causal_tower(model: Any) -> Callable[[Any], Any] | None:
    """Return `model.encode_text` for tokens (n, any length); None if the tower is not causal.

    Each row must contain its end token, where the embedding is read.
    """
    root = _root(model)
    if root is None:
        return None

    def encode(tokens: Any) -> Any:
        import torch

        length = tokens.shape[1]
        x = root.token_embedding(tokens) + root.positional_embedding[:length]
        x = root.ln_final(root.transformer(x, attn_mask=root.attn_mask[:length, :length]))
        read = x[torch.arange(x.shape[0]), tokens.argmax(dim=-1)]
        linear = isinstance(root.text_projection, torch.nn.Linear)
        return root.text_projection(read) if linear else read @ root.text_projection

    return encode


def text_tower_arrays(model: Any) -> tuple[TextTowerShape, dict[str, NDArray[np.float32]]] | None:
    """Return shape and arrays for `NumpyTextTower`; None for an unsupported architecture."""
    import torch
    from open_clip.transformer import QuickGELU, ResidualAttentionBlock

    root = _root(model)
    if root is None or not isinstance(root.text_projection, torch.nn.Parameter):
        return None
    blocks = list(root.transformer.resblocks)
    first = blocks[0]
    activations = {QuickGELU: "quick_gelu", torch.nn.GELU: "gelu"}
    plain = all(
        type(block) is ResidualAttentionBlock and isinstance(block.ls_1, torch.nn.Identity)
        for block in blocks
    )
    activation = activations.get(type(first.mlp.gelu)) if plain else None
    if activation is None or getattr(first.mlp.gelu, "approximate", "none") != "none":
        return None
    wanted = ("token_embedding.", "positional_embedding", "transformer.", "ln_final.")
    state = root.state_dict()
    names = [name for name in state if name.startswith(wanted)] + ["text_projection"]
    arrays = {name: state[name].float().cpu().numpy() for name in names}
    # An unknown parameter means an unsupported architecture.
    known = {name for name in arrays if not name.startswith("transformer.")}
    known |= {LAYER.format(n) + part for n in range(len(blocks)) for part in _PARTS}
    if set(arrays) != known:
        return None
    shape = TextTowerShape(len(blocks), first.attn.num_heads, activation, first.ln_1.eps)
    return shape, arrays


_PARTS = (
    *(f"ln_{n}.{part}" for n in (1, 2) for part in ("weight", "bias")),
    *(f"attn.in_proj_{part}" for part in ("weight", "bias")),
    *(f"attn.out_proj.{part}" for part in ("weight", "bias")),
    *(f"mlp.{name}.{part}" for name in ("c_fc", "c_proj") for part in ("weight", "bias")),
)


def _root(model: Any) -> Any | None:
    """Return the module that contains the text tower; None if the tower is not causal."""
    root = getattr(model, "text", model)
    pooling = getattr(root, "text_pool_type", getattr(root, "pool_type", ""))
    causal = getattr(root, "attn_mask", None) is not None and hasattr(root, "token_embedding")
    reads_the_end = pooling == "argmax" and getattr(root, "cls_emb", None) is None
    return root if causal and reads_the_end and root.text_projection is not None else None
