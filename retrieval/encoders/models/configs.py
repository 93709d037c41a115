"""What a model's configuration says: architecture, tokenizer, preprocessing; plain dictionaries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from retrieval.encoders.models import tables
from retrieval.errors import ModelError, ModelNotFound

CONFIG = "open_clip_config.json"
_DEFAULT_PREPROCESS: Mapping[str, Any] = {
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "std": (0.26862954, 0.26130258, 0.27577711),
    "interpolation": "bicubic",
    "resize_mode": "shortest",
    "fill_color": 0,
}


def read_config(path: str) -> Mapping[str, Any]:
    """Read an open_clip_config.json and check that it describes a model."""
    try:
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", "is it an open_clip config?") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_cfg"), dict):
        raise ModelNotFound(
            f"{path} has no model_cfg, so it does not say which model this is",
            "the file is open_clip's: {model_cfg: {embed_dim, vision_cfg, text_cfg}, …}",
        )
    model = config["model_cfg"]
    for key, kind in (("embed_dim", int), ("vision_cfg", dict), ("text_cfg", dict)):
        if not isinstance(model.get(key), kind):
            raise ModelNotFound(
                f"{path} lacks {key} in model_cfg, or it is no {kind.__name__}",
                "it is not an open_clip config",
            )
    if not isinstance(config.get("preprocess_cfg") or {}, dict):
        raise ModelError(f"preprocess_cfg in {path} is no dict", "it is not an open_clip config")
    return config


def complete_preprocess(
    config: Mapping[str, Any], preprocess: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return all settings that open_clip would use: what is given, its defaults for the rest."""
    given = {
        key: value
        for key, value in preprocess.items()
        if key in tables.PREPROCESS_KEYS and value is not None
    }
    size = config["vision_cfg"].get("image_size") or given.get("size") or 224
    return {**_DEFAULT_PREPROCESS, **given, "size": size}


def tokenizer_repo(config: Mapping[str, Any]) -> str:
    """Return the hub repository of the model's tokenizer, empty for open_clip's own."""
    return str(config.get("text_cfg", {}).get("hf_tokenizer_name") or "")


def tower_repo(config: Mapping[str, Any]) -> str:
    """Return the hub repository whose configuration the text tower is built from, or empty."""
    return str(config.get("text_cfg", {}).get("hf_model_name") or "")


def usual_preprocess(architecture: str) -> Mapping[str, Any]:
    """Return the preprocessing on which all published weights of an architecture agree.

    A weights file alone does not say how its pictures are prepared, and open_clip then takes the
    CLIP defaults for all; but a SigLIP or MobileCLIP checkpoint wants those of its kind.
    """
    rows = [dict(row.preprocess) for row in tables.published().get(architecture, {}).values()]
    return rows[0] if rows and all(row == rows[0] for row in rows) else {}
