"""Write a trained model as an open_clip checkpoint: `open_clip_config.json` and safetensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from retrieval.pocket.batches import Augmentation, draw_batch
from retrieval.pocket.corpus import Corpus
from retrieval.pocket.growth import grown
from retrieval.pocket.model import MEAN, STD, DualEncoder, Shape
from retrieval.pocket.vocabulary import Vocabulary

CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAME = "open_clip_model.safetensors"
# What a library of pictures may hold, for the statistics of batch norm: photographs above all.
CALIBRATION_SHARES = {
    "flickr8k": 96,
    "scenes": 24,
    "emoji": 4,
    "tiny_imagenet": 24,
    "mini_imagenet": 36,
    "caltech101": 16,
}


def export(model: DualEncoder, shape: Shape, vocabulary: Vocabulary, folder: Path) -> None:
    """Write the two towers into `folder`, in short half floats and with the full vocabulary."""
    state = {name: value.detach().cpu() for name, value in model.clip.state_dict().items()}
    rows = "token_embedding.weight"
    state[rows] = vocabulary.expand_rows(state[rows])
    half = {
        name: (_short(value) if value.is_floating_point() else value).contiguous()
        for name, value in state.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(half, folder / WEIGHTS_NAME, metadata={"format": "pt"})
    text = json.dumps(open_clip_settings(shape), indent=1)
    (folder / CONFIG_NAME).write_text(text + "\n", encoding="utf-8")


def _short(values: torch.Tensor) -> torch.Tensor:
    """Round to half floats without their last bit: a checkpoint zips by a sixteenth smaller.

    A weight moves by a thousandth of itself at most, and no score by more than that (model card).
    """
    bits = values.half().contiguous().view(torch.int16)
    return ((bits + 1) & ~1).view(torch.float16) if values.ndim > 1 else values.half()


def load_shape(folder: Path) -> Shape:
    """Read the sizes of an exported checkpoint's towers."""
    config = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))["model_cfg"]
    vision, text = config["vision_cfg"], config["text_cfg"]
    return Shape(
        tower=vision["timm_model_name"],
        image_size=vision["image_size"],
        dim=config["embed_dim"],
        text_width=text["width"],
        text_heads=text["heads"],
        text_layers=text["layers"],
    )


def load_towers(model: DualEncoder, vocabulary: Vocabulary, folder: Path) -> None:
    """Fill the two towers with an exported checkpoint; the heads of training stay as they are.

    A word that the checkpoint never knew starts from its zero vector. The checkpoint may be of
    smaller towers (see `growth.grown`); ValueError where it is of larger ones or of another kind.
    """
    state = load_file(folder / WEIGHTS_NAME)
    rows = "token_embedding.weight"
    state[rows] = state[rows][list(vocabulary.kept)]
    model.clip.load_state_dict(grown(state, model.clip.state_dict()))


def open_clip_settings(shape: Shape) -> dict[str, Any]:
    """Fill in the configuration file that open_clip reads beside the weights.

    Training pictures were squashed to squares, so the model squashes too: it sees the whole of a
    wide photograph, in the proportions that it learned. Its crops were resized bilinearly, and
    bicubic resizing, which sharpens, costs it a point of recall (see the model card).
    """
    return {
        "model_cfg": shape.open_clip_config(),
        "preprocess_cfg": {
            "size": [shape.image_size, shape.image_size],
            "mode": "RGB",
            "mean": list(MEAN),
            "std": list(STD),
            "interpolation": "bilinear",
            "resize_mode": "squash",
            "fill_color": 0,
        },
    }


@torch.no_grad()
def recalibrate(model: DualEncoder, corpus: Corpus, size: int, batches: int) -> None:
    """Measure batch-norm statistics anew at the size at which the model will be used.

    Training saw small, strongly cropped pictures; the averages of activations are not the same for
    whole pictures at full size.
    """
    norms = [module for module in model.clip.visual.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over all batches
    model.train()
    whole = Augmentation(smallest_crop=0.9, scene_crop=0.9, stretch=1.05, jitter=0.0, erase=0.0)
    shares = {name: n for name, n in CALIBRATION_SHARES.items() if name in corpus.sources}
    for step in range(batches):
        rng = np.random.default_rng((7, step))
        batch = draw_batch(corpus, shares, size, step, rng, whole)
        model.encode_images(batch.pixels.to(model.class_weights.device))
    model.eval()
