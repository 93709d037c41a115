"""From a reference to the files on disk that make the model; no network, no torch.

The order in which weights are chosen is open_clip's own (safetensors first), so that what is
fingerprinted here is what open_clip would load.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retrieval.encoders import cache, tables
from retrieval.encoders.references import ModelReference
from retrieval.errors import ModelError, ModelNotFound

CONFIG = "open_clip_config.json"
HUB_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
FOLDER_WEIGHTS = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pth", ".pt", ".ckpt")
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)
_ENOUGH_FOR_A_TOKENIZER = {"tokenizer.json", "spiece.model", "sentencepiece.bpe.model",
                           "vocab.txt", "vocab.json"}  # fmt: skip
_DEFAULT_PREPROCESS: Mapping[str, Any] = {
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "std": (0.26862954, 0.26130258, 0.27577711),
    "interpolation": "bicubic",
    "resize_mode": "shortest",
    "fill_color": 0,
}


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Everything that makes a model. `folder` has the configuration where open_clip's has not.

    `tokenizer_repo` names the hub repository of the tokenizer; it is empty when the tokenizer is
    open_clip's own or lies in `folder`. `tokenizer_files` are empty for open_clip's own tokenizer.
    """

    reference: ModelReference
    config: Mapping[str, Any]
    preprocess: Mapping[str, Any]
    weights: str
    folder: str = ""
    tokenizer_repo: str = ""
    tokenizer_files: tuple[str, ...] = ()


def locate(reference: ModelReference) -> ModelFiles | None:
    """Return the files of a model; None if they are not (all) on disk but could be fetched.

    Raises ModelNotFound for a local checkpoint that is not there or lacks what it needs.
    """
    if reference.kind == "folder":
        return _local_folder(reference)
    if reference.kind == "file":
        return _local_file(reference)
    return _published(reference) if reference.kind == "published" else _hub(reference)


def wanted(reference: ModelReference) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what has to be fetched: a repository and file names, the first that exists suffices.

    What a `hub` model needs beyond its configuration is known only when that has been fetched, so
    take the items one by one.
    """
    config: Mapping[str, Any] = {}
    if reference.kind in ("published", "file"):
        config = tables.architecture(reference.name)
    if reference.kind == "published":
        row = tables.published()[reference.name][reference.source]
        yield row.repo, _weight_names(row.filename)
    elif reference.kind == "hub":
        yield reference.name, (CONFIG,)
        path = cache.cached_file(reference.name, CONFIG)
        config = _read_config(path)["model_cfg"] if path else {}
        yield reference.name, HUB_WEIGHTS
    elif reference.kind == "folder":
        config = _read_config(os.path.join(reference.source, CONFIG))["model_cfg"]
    if tower := tower_repo(config):
        yield tower, ("config.json",)
    if reference.kind != "folder" and (repo := tokenizer_repo(config)):
        for name in TOKENIZER_FILES:
            yield repo, (name,)


def tokenizer_repo(config: Mapping[str, Any]) -> str:
    """Return the hub repository of the model's tokenizer, empty for open_clip's own."""
    return str(config.get("text_cfg", {}).get("hf_tokenizer_name") or "")


def tower_repo(config: Mapping[str, Any]) -> str:
    """Return the hub repository whose configuration the text tower is built from, or empty."""
    return str(config.get("text_cfg", {}).get("hf_model_name") or "")


def _weight_names(filename: str) -> tuple[str, ...]:
    if not filename:
        return HUB_WEIGHTS
    stem, suffix = os.path.splitext(filename)
    return (f"{stem}.safetensors", filename) if suffix in (".bin", ".pth") else (filename,)


def _published(reference: ModelReference) -> ModelFiles | None:
    row = tables.published()[reference.name][reference.source]
    weights = _first_cached(row.repo, _weight_names(row.filename))
    return _with_hub_tokenizer(
        reference, tables.architecture(reference.name), row.preprocess, weights, ""
    )


def _hub(reference: ModelReference) -> ModelFiles | None:
    path = cache.cached_file(reference.name, CONFIG)
    weights = _first_cached(reference.name, HUB_WEIGHTS)
    if path is None or weights is None:
        return None
    config = _read_config(path)
    preprocess = config.get("preprocess_cfg") or {}
    folder = os.path.dirname(path)
    return _with_hub_tokenizer(reference, config["model_cfg"], preprocess, weights, folder)


def _with_hub_tokenizer(
    reference: ModelReference,
    config: Mapping[str, Any],
    preprocess: Mapping[str, Any],
    weights: str | None,
    folder: str,
) -> ModelFiles | None:
    repo = tokenizer_repo(config)
    snapshot = cache.snapshot_folder(repo) if repo else None
    files = _tokenizer_files(snapshot) if snapshot else ()
    if weights is None or (repo and not files) or not _tower_is_there(config):
        return None
    complete = _complete(config, preprocess)
    return ModelFiles(reference, config, complete, weights, folder, repo, files)


def _tower_is_there(config: Mapping[str, Any]) -> bool:
    repo = tower_repo(config)
    return not repo or cache.cached_file(repo, "config.json") is not None


def _local_file(reference: ModelReference) -> ModelFiles | None:
    path = reference.source
    if not os.path.isfile(path):
        raise ModelNotFound(f"there is no checkpoint {path}", "check the path of the weights file")
    if not path.endswith(WEIGHT_SUFFIXES):
        raise ModelNotFound(
            f"{path} is not a checkpoint that can be loaded",
            f"weights are files ending in {', '.join(WEIGHT_SUFFIXES)}",
        )
    config = tables.architecture(reference.name)
    return _with_hub_tokenizer(reference, config, _usual_preprocess(reference.name), path, "")


def _usual_preprocess(architecture: str) -> Mapping[str, Any]:
    """Return the preprocessing on which all published weights of an architecture agree.

    A weights file alone does not say how its pictures are prepared, and open_clip then takes the
    CLIP defaults for all; but a SigLIP or MobileCLIP checkpoint wants those of its kind.
    """
    rows = [dict(row.preprocess) for row in tables.published().get(architecture, {}).values()]
    return rows[0] if rows and all(row == rows[0] for row in rows) else {}


def _local_folder(reference: ModelReference) -> ModelFiles | None:
    folder = reference.source
    if not os.path.isdir(folder):
        raise ModelNotFound(f"there is no folder {folder}", "check the path after local-dir:")
    path = os.path.join(folder, CONFIG)
    if not os.path.isfile(path):
        raise ModelNotFound(
            f"{folder} has no {CONFIG}",
            f"a local-dir: model is a folder with {CONFIG} and a weights file; for weights alone "
            "give the architecture and the file: NAME@FILE",
        )
    weights = folder_weights(folder)
    if weights is None:
        raise ModelNotFound(
            f"{folder} has a configuration, but no weights",
            f"put the weights beside {CONFIG}, best as {FOLDER_WEIGHTS[0]}",
        )
    config = _read_config(path)
    model = config["model_cfg"]
    files = _tokenizer_files(folder) if tokenizer_repo(model) else ()
    if tokenizer_repo(model) and not files:
        raise ModelNotFound(
            f"{folder} has no tokenizer, but its {CONFIG} wants one of its own",
            f"put the files of {tokenizer_repo(model)} (tokenizer.json and others) into the folder",
        )
    if not _tower_is_there(model):
        return None
    complete = _complete(model, config.get("preprocess_cfg") or {})
    return ModelFiles(reference, model, complete, weights, folder, "", files)


def folder_weights(folder: str) -> str | None:
    """Return the weights file that open_clip would take from a folder."""
    names = sorted(n for n in os.listdir(folder) if n.endswith((".safetensors", ".bin", ".pth")))
    names.sort(key=lambda name: not name.endswith(".safetensors"))
    preferred = [name for name in FOLDER_WEIGHTS if name in names]
    chosen = (preferred or names or [""])[0]
    return os.path.join(folder, chosen) if chosen else None


def _read_config(path: str) -> Mapping[str, Any]:
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
    for key in ("embed_dim", "vision_cfg", "text_cfg"):
        if key not in model:
            raise ModelNotFound(f"{path} lacks {key} in model_cfg", "it is not an open_clip config")
    return config


def _complete(config: Mapping[str, Any], preprocess: Mapping[str, Any]) -> Mapping[str, Any]:
    given = {
        key: value
        for key, value in preprocess.items()
        if key in tables.PREPROCESS_KEYS and value is not None
    }
    size = config["vision_cfg"].get("image_size") or given.get("size") or 224
    return {**_DEFAULT_PREPROCESS, **given, "size": size}


def _first_cached(repo: str, names: tuple[str, ...]) -> str | None:
    paths = (cache.cached_file(repo, name) for name in names)
    return next((path for path in paths if path), None)


def _tokenizer_files(folder: str) -> tuple[str, ...]:
    names = [n for n in TOKENIZER_FILES if os.path.isfile(os.path.join(folder, n))]
    if not _ENOUGH_FOR_A_TOKENIZER.intersection(names):
        return ()
    return tuple(os.path.join(folder, name) for name in names)
