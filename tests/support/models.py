"""Real open_clip models with seeded random weights, saved as local-dir: checkpoints.

One kind for each family of models, so that what differs between them is covered: architecture,
resize mode, interpolation, mean and std, picture size that is no square, tokenizer. Blocks are
those of the real models, only fewer or narrower ones where that makes no difference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 384, "heads": 6, "layers": 12}
SMALL_TEXT = {"context_length": 32, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2}


def _pe(tower: str) -> dict[str, Any]:
    """PE-Core: pictures are squashed and scaled about nought."""
    vision = {"image_size": 224, "timm_model_name": tower, "timm_pool": "map", "timm_proj": None}
    return {
        "model_cfg": {
            "embed_dim": 64,
            "custom_text": True,
            "vision_cfg": vision,
            "text_cfg": SMALL_TEXT,
        },
        "preprocess_cfg": {
            "mean": [0.5] * 3,
            "std": [0.5] * 3,
            "interpolation": "bilinear",
            "resize_mode": "squash",
        },
    }


def _mobileclip2(tower: str, pool: str, size: int, **text: Any) -> dict[str, Any]:
    vision = {"image_size": size, "timm_model_name": tower, "timm_pool": pool, "timm_proj": None}
    return {
        "model_cfg": {
            "embed_dim": 64,
            "custom_text": True,
            "vision_cfg": vision,
            "text_cfg": {**SMALL_TEXT, **text},
        },
        "preprocess_cfg": {"interpolation": "bilinear"},
    }


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
    # as the built-in model is built: padded as TensorFlow does, two layers behind the pooling
    "lite": {
        "model_cfg": {
            "embed_dim": 48,
            "vision_cfg": {
                "image_size": 64,
                "timm_model_name": "tf_efficientnet_lite0",
                "timm_model_pretrained": False,
                "timm_pool": "avg",
                "timm_proj": "mlp",
            },
            "text_cfg": SMALL_TEXT,
        },
        "preprocess_cfg": {
            "mean": [0.498] * 3,
            "std": [0.502] * 3,
            "interpolation": "bilinear",
            "resize_mode": "squash",
        },
    },
    # as MobileCLIP2-S0: branches that are folded into one for use
    "mobileclip": {
        "model_cfg": {
            "embed_dim": 64,
            "custom_text": True,
            "vision_cfg": {
                "image_size": 128,
                "timm_model_name": "fastvit_mci0",
                "timm_pool": "avg",
                "timm_proj": None,
            },
            "text_cfg": {**SMALL_TEXT, "no_causal_mask": True},
        },
        "preprocess_cfg": {"mean": [0.0] * 3, "std": [1.0] * 3, "interpolation": "bilinear"},
    },
    # as RN50: CLIP's own ResNet, with attention in place of the last pooling
    "resnet": {
        "model_cfg": {
            "embed_dim": 64,
            "quick_gelu": True,
            "vision_cfg": {"image_size": 96, "layers": [1, 2, 1, 1], "width": 16},
            "text_cfg": SMALL_TEXT,
        },
        "preprocess_cfg": {},
    },
    # as SigLIP2: no class token, and a tokenizer of its own, which transformers loads
    "siglip2": {
        "model_cfg": {
            "embed_dim": 64,
            "init_logit_bias": -10,
            "custom_text": True,
            "vision_cfg": {
                "image_size": 256,
                "timm_model_name": "small_siglip",
                "timm_pool": "map",
                "timm_proj": "none",
            },
            "text_cfg": {
                **SMALL_TEXT,
                "vocab_size": 64,
                "hf_tokenizer_name": "org/words",
                "tokenizer_kwargs": {"clean": "canonicalize"},
                "no_causal_mask": True,
                "proj_bias": True,
                "pool_type": "last",
                "act_kwargs": {"approximate": "tanh"},
            },
        },
        "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": "squash"},
    },
    # as PE-Core-B and -L, then as -T and -S
    "pe": _pe("small_pe_core"),
    "pe-bare": _pe("small_pe_core_bare"),
    # as MobileCLIP2-S3 and -S4, then as MobileCLIP2-B
    "mobileclip2": _mobileclip2("small_mci3", "avg", 256, no_causal_mask=True),
    "mobileclip2-vit": _mobileclip2("small_mci_vit", "token", 224, no_causal_mask=False),
    # as MetaCLIP 2: many languages, a text read at the mark of its end
    "worldwide": {
        "model_cfg": {
            "embed_dim": 64,
            "quick_gelu": True,
            "vision_cfg": {
                "image_size": 96,
                "layers": 2,
                "width": 160,
                "head_width": 80,
                "patch_size": 16,
            },
            "text_cfg": {
                **SMALL_TEXT,
                "vocab_size": 64,
                "hf_tokenizer_name": "org/words",
                "pool_type": "eos",
                "eos_id": 1,
            },
        },
        "preprocess_cfg": {},
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

    from support import small_towers  # noqa: F401 - timm knows their names now

    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIGS[kind]))
    torch.manual_seed(7)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    for norm in (part for part in model.modules() if isinstance(part, torch.nn.BatchNorm2d)):
        # As training leaves them: neutral ones could be left out unnoticed.
        for values, low, high in (
            (norm.running_mean, -0.2, 0.2),
            (norm.running_var, 0.5, 1.5),
            (norm.weight.data, 0.5, 1.5),
            (norm.bias.data, -0.2, 0.2),
        ):
            assert values is not None
            values.uniform_(low, high)
    if "hf_tokenizer_name" in CONFIGS[kind]["model_cfg"]["text_cfg"]:
        _save_tokenizer(folder)
    weights = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    return folder


def _save_tokenizer(folder: Path) -> None:
    """Write a tokenizer as SigLIP has: pieces of words with probabilities, an end mark, padding."""
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, processors

    letters = [("▁", -3.0), *((letter, -5.0) for letter in "abcdefghijklmnopqrstuvwxyz")]
    words = [(f"▁{word}", -2.0) for word in ("dog", "dogs", "two", "beach", "on", "a")]
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0)]
    tokenizer = tokenizers.Tokenizer(models.Unigram([*special, *words, *letters], unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def plain(folder: Path) -> tuple[Any, Any, Any]:
    """Return model, transform and tokenizer exactly as open_clip's README says."""
    import open_clip

    name = f"local-dir:{folder}"
    model, transform = open_clip.create_model_from_pretrained(name)
    model.eval()
    return model, transform, open_clip.get_tokenizer(name)
