"""Write a trained model as an open_clip checkpoint: configuration, safetensors, known words."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file
from torch import nn

from retrieval.pocket.train.towers import Lower, Shape, TextTower, Upper, norms_of
from retrieval.pocket.train.vocabulary import FULL_SIZE, Vocabulary

CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAME = "open_clip_model.safetensors"
WORDS_NAME = "known_words.txt.gz"

_MEAN, _STD = 127 / 255, 128 / 255  # EfficientNet-Lite scales pixels by (x - 127) / 128
_NORM_VARIANCE = 1.0 - 1e-3  # with the norms' epsilon: a factor of 1
_SHORTENED = 4  # the number of low bits of a matrix's half floats that are zeroed


def settings(shape: Shape) -> dict[str, Any]:
    """Return the content of the configuration file that open_clip reads beside the weights.

    Training squashes pictures to squares, so the model does too: it sees a whole wide photograph,
    in the proportions of its training.
    """
    return {
        "model_cfg": {
            "embed_dim": shape.dim,
            "vision_cfg": {
                "timm_model_name": shape.backbone,
                "timm_model_pretrained": False,
                "timm_pool": "avg",
                "timm_proj": "mlp",
                "timm_proj_bias": True,
                "image_size": shape.image_size,
            },
            "text_cfg": {
                "context_length": shape.context,
                "vocab_size": FULL_SIZE,
                "width": shape.text_width,
                "heads": shape.text_heads,
                "layers": shape.text_layers,
            },
        },
        "preprocess_cfg": {
            "size": [shape.image_size, shape.image_size],
            "mode": "RGB",
            "mean": [_MEAN] * 3,
            "std": [_STD] * 3,
            "interpolation": "bilinear",
            "resize_mode": "squash",
            "fill_color": 0,
        },
    }


def export(
    folder: Path,
    shape: Shape,
    lower: Lower,
    upper: Upper,
    text: TextTower,
    vocabulary: Vocabulary,
    words: Iterable[str],
) -> None:
    """Write the checkpoint into `folder`.

    Matrices are half floats without their low bits, so that the checkpoint compresses well;
    vectors stay float32.
    """
    state = {f"visual.trunk.{name}": value for name, value in _trunk(shape, lower, upper)}
    for layer, name in ((upper.fc1, "fc1"), (upper.fc2, "fc2")):
        state[f"visual.head.mlp.{name}.weight"] = layer.weight
        state[f"visual.head.mlp.{name}.bias"] = layer.bias
    state |= dict(_text(text, vocabulary))
    state["logit_scale"] = torch.tensor(0.0)
    state = {name: _stored(value.detach()) for name, value in state.items()}
    _require_complete(shape, state)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / WEIGHTS_NAME, metadata={"format": "pt"})
    text_ = json.dumps(settings(shape), indent=1)
    (folder / CONFIG_NAME).write_text(text_ + "\n", encoding="utf-8")
    data = "".join(f"{word}\n" for word in sorted(set(words))).encode()
    (folder / WORDS_NAME).write_bytes(gzip.compress(data, mtime=0))


def _trunk(shape: Shape, lower: Lower, upper: Upper) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the trunk's tensors by timm's names, with batch norms that only add a bias."""
    yield from _convolution("conv_stem", "bn1", lower.stem)
    for number, stage in enumerate([*lower.stages, *upper.stages]):
        for place, block in enumerate(stage):
            for convolution, norm, _ in norms_of(block):
                path = f"blocks.{number}.{place}."
                layer = getattr(block, convolution)
                yield from _convolution(path + convolution, path + norm, layer)
    yield from _convolution("conv_head", "bn2", upper.head)


def _convolution(name: str, norm: str, layer: nn.Conv2d) -> Iterator[tuple[str, torch.Tensor]]:
    assert layer.bias is not None
    yield f"{name}.weight", layer.weight
    yield f"{norm}.weight", torch.ones_like(layer.bias)
    yield f"{norm}.bias", layer.bias
    yield f"{norm}.running_mean", torch.zeros_like(layer.bias)
    yield f"{norm}.running_var", torch.full_like(layer.bias, _NORM_VARIANCE)
    yield f"{norm}.num_batches_tracked", torch.tensor(0)


def _text(text: Any, vocabulary: Vocabulary) -> Iterator[tuple[str, torch.Tensor]]:
    yield "token_embedding.weight", vocabulary.expanded(text.tokens.weight)
    yield "positional_embedding", text.positions
    yield "ln_final.weight", text.ln_final.weight
    yield "ln_final.bias", text.ln_final.bias
    yield "text_projection", text.projection
    for number, block in enumerate(text.blocks):
        path = f"transformer.resblocks.{number}."
        yield path + "attn.in_proj_weight", block.in_proj.weight
        yield path + "attn.in_proj_bias", block.in_proj.bias
        layers = {
            "ln_1": block.ln_1,
            "ln_2": block.ln_2,
            "attn.out_proj": block.out_proj,
            "mlp.c_fc": block.c_fc,
            "mlp.c_proj": block.c_proj,
        }
        for name, layer in layers.items():
            yield f"{path}{name}.weight", layer.weight
            yield f"{path}{name}.bias", layer.bias


def _stored(value: torch.Tensor) -> torch.Tensor:
    """Round a matrix to half floats without their low bits; leave vectors as they are.

    The relative error is at most one per cent; MODEL_CARD.md gives its effect on the scores.
    """
    if value.ndim < 2 or not value.is_floating_point():
        return value.contiguous()
    bits = value.half().contiguous().view(torch.int16).to(torch.int32) & 0xFFFF
    rounded = (bits + (1 << (_SHORTENED - 1))) & ~((1 << _SHORTENED) - 1)
    return rounded.to(torch.int16).view(torch.float16)


def _require_complete(shape: Shape, state: dict[str, torch.Tensor]) -> None:
    """Raise ValueError unless open_clip can load the tensors."""
    config = settings(shape)["model_cfg"]
    model = open_clip.CLIP(
        config["embed_dim"],
        open_clip.CLIPVisionCfg(**config["vision_cfg"]),
        open_clip.CLIPTextCfg(**config["text_cfg"]),
    )
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    given = {name: value.shape for name, value in state.items()}
    if wanted != given:
        wrong = sorted(name for name in {*wanted, *given} if wanted.get(name) != given.get(name))
        raise ValueError(f"open_clip could not load the checkpoint: {wrong[:5]} differ")
