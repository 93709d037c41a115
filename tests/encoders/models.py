"""Real open_clip models with seeded random weights, saved as local-dir: checkpoints.

Four kinds, so that what differs between model families is covered: architecture, resize mode,
interpolation, mean and std, picture size that is no square, tokenizer options.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 384, "heads": 6, "layers": 12}
SMALL_TEXT = {"context_length": 32, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2}

CONFIGS: dict[str, dict[str, Any]] = {
    # open_clip's own ViT-S-32, all twelve layers of both towers
    "clip": {
        "model_cfg": {
            "embed_dim": 384,
            "vision_cfg": {"image_size": 224, "layers": 12, "width": 384, "patch_size": 32},
            "text_cfg": TEXT,
        },
        "preprocess_cfg": {},
    },
    # as SigLIP is built, with the smallest timm ViT and open_clip's own vocabulary
    "siglip": {
        "model_cfg": {
            "embed_dim": 192,
            "init_logit_bias": -10,
            "custom_text": True,
            "vision_cfg": {
                "image_size": 224,
                "timm_model_name": "vit_tiny_patch16_224",
                "timm_pool": "map",
                "timm_proj": "none",
            },
            "text_cfg": {
                **SMALL_TEXT,
                "tokenizer_kwargs": {"clean": "canonicalize"},
                "no_causal_mask": True,
                "proj_bias": True,
                "pool_type": "last",
            },
        },
        "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": "squash"},
    },
    # a convolutional tower as MobileCLIP has: no normalisation, bilinear; here padded pictures
    "timm": {
        "model_cfg": {
            "embed_dim": 64,
            "vision_cfg": {
                "image_size": 128,
                "timm_model_name": "regnetx_002",
                "timm_pool": "avg",
                "timm_proj": "linear",
            },
            "text_cfg": SMALL_TEXT,
        },
        "preprocess_cfg": {
            "mean": [0.0] * 3,
            "std": [1.0] * 3,
            "interpolation": "bilinear",
            "resize_mode": "longest",
            "fill_color": 127,
        },
    },
    "oblong": {
        "model_cfg": {
            "embed_dim": 32,
            "vision_cfg": {"image_size": [64, 96], "layers": 2, "width": 64, "patch_size": 16},
            "text_cfg": SMALL_TEXT,
        },
        "preprocess_cfg": {"resize_mode": "shortest"},
    },
}


def save(kind: str, folder: Path) -> Path:
    """Write a model of that kind into a new folder."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIGS[kind]))
    torch.manual_seed(7)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    weights = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    return folder


def plain(folder: Path) -> tuple[Any, Any, Any]:
    """Return model, transform and tokenizer exactly as open_clip's README says."""
    import open_clip

    name = f"local-dir:{folder}"
    model, transform = open_clip.create_model_from_pretrained(name)
    model.eval()
    return model, transform, open_clip.get_tokenizer(name)
