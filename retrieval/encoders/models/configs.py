"""A model's configuration as plain dictionaries: architecture, tokenizer, preprocessing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from retrieval.encoders.models import tables
from retrieval.errors import ModelError, ModelNotFound

CONFIG = "open_clip_config.json"
_JSON_NAMES = {int: "a whole number", dict: "an object"}
_DEFAULT_PREPROCESS: Mapping[str, Any] = {
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "std": (0.26862954, 0.26130258, 0.27577711),
    "interpolation": "bicubic",
    "resize_mode": "shortest",
    "fill_color": 0,
}


def read_config(path: str) -> Mapping[str, Any]:
    """Read an open_clip_config.json and validate it.

    Raises ModelNotFound when it does not describe a model, ModelError when it cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path} cannot be read: {error}", "check that it is an open_clip config"
        ) from error
    if not isinstance(config, dict) or not isinstance(config.get("model_cfg"), dict):
        raise ModelNotFound(
            f"{path} has no model_cfg, so it does not say which model this is",
            "use an open_clip config: {model_cfg: {embed_dim, vision_cfg, text_cfg}, …}",
        )
    model = config["model_cfg"]
    for key, kind in (("embed_dim", int), ("vision_cfg", dict), ("text_cfg", dict)):
        if not isinstance(model.get(key), kind):
            raise ModelNotFound(
                f"{path} has no {key} in model_cfg, or it is not {_JSON_NAMES[kind]}",
                "use an open_clip config: {model_cfg: {embed_dim, vision_cfg, text_cfg}, …}",
            )
    if not isinstance(config.get("preprocess_cfg") or {}, dict):
        raise ModelError(
            f"preprocess_cfg in {path} is not an object", "check that it is an open_clip config"
        )
    return config


def complete_preprocess(
    config: Mapping[str, Any], preprocess: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return all preprocessing settings: the given ones, and open_clip's defaults for the rest."""
    given = {
        key: value
        for key, value in preprocess.items()
        if key in tables.PREPROCESS_KEYS and value is not None
    }
    size = config["vision_cfg"].get("image_size") or given.get("size") or 224
    return {**_DEFAULT_PREPROCESS, **given, "size": size}


def tokenizer_repo(config: Mapping[str, Any]) -> str:
    """Return the hub repository of the model's tokenizer, "" for open_clip's own."""
    return str(config.get("text_cfg", {}).get("hf_tokenizer_name") or "")


def tower_repo(config: Mapping[str, Any]) -> str:
    """Return the hub repository whose configuration defines the text tower, or ""."""
    return str(config.get("text_cfg", {}).get("hf_model_name") or "")


def usual_preprocess(architecture: str) -> Mapping[str, Any]:
    """Return the preprocessing that all published weights of an architecture share, {} if none.

    A weights file alone does not specify its preprocessing, and open_clip then uses CLIP's
    defaults. But a SigLIP or MobileCLIP checkpoint needs the preprocessing of its architecture.
    """
    rows = [dict(row.preprocess) for row in tables.published().get(architecture, {}).values()]
    return rows[0] if rows and all(row == rows[0] for row in rows) else {}
