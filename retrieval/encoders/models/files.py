"""Find the files of a model on disk, without network and torch.

Weights are chosen in open_clip's order (safetensors first), so the fingerprinted file is the one
that open_clip loads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retrieval.encoders.models import cache, tables
from retrieval.encoders.models.configs import (
    CONFIG,
    complete_preprocess,
    read_config,
    tokenizer_repo,
    tower_repo,
    usual_preprocess,
)
from retrieval.encoders.models.references import ModelReference
from retrieval.errors import ModelNotFound

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
_FOLDERS = ("folder", "built-in")
_ENOUGH_FOR_A_TOKENIZER = {"tokenizer.json", "spiece.model", "sentencepiece.bpe.model",
                           "vocab.txt", "vocab.json"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The configuration and files of a model.

    `folder` contains the configuration if open_clip does not include it, else it is empty.
    `tokenizer_repo` is the hub repository of the tokenizer, empty if the tokenizer is open_clip's
    own or in `folder`. `tokenizer_files` are empty for open_clip's own tokenizer. An imported
    model has no `weights`, but a `fingerprint`, which is empty for all others.
    """

    reference: ModelReference
    config: Mapping[str, Any]
    preprocess: Mapping[str, Any]
    weights: str
    folder: str = ""
    tokenizer_repo: str = ""
    tokenizer_files: tuple[str, ...] = ()
    fingerprint: str = ""


def locate(reference: ModelReference) -> ModelFiles | None:
    """Return the files of a model; None if some are not on disk but may be on the hub.

    Raises ModelNotFound for a local checkpoint that is missing or incomplete.
    """
    if reference.kind in _FOLDERS:
        return _local_folder(reference)
    if reference.kind == "file":
        return _local_file(reference)
    return _published(reference) if reference.kind == "published" else _hub(reference)


def wanted(reference: ModelReference) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what to fetch: a repository and alternative file names, of which one suffices.

    The needs of a `hub` model follow from its configuration. So the caller must fetch each item
    before it asks for the next.
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
        config = read_config(path)["model_cfg"] if path else {}
        yield reference.name, HUB_WEIGHTS
    elif reference.kind in _FOLDERS:
        config = read_config(os.path.join(reference.source, CONFIG))["model_cfg"]
    if tower := tower_repo(config):
        yield tower, ("config.json",)
    if reference.kind not in _FOLDERS and (repo := tokenizer_repo(config)):
        for name in TOKENIZER_FILES:
            yield repo, (name,)


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
    config = read_config(path)
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
    complete = complete_preprocess(config, preprocess)
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
            f"use a weights file that ends in {', '.join(WEIGHT_SUFFIXES)}",
        )
    config = tables.architecture(reference.name)
    return _with_hub_tokenizer(reference, config, usual_preprocess(reference.name), path, "")


def _local_folder(reference: ModelReference) -> ModelFiles | None:
    folder = reference.source
    if not os.path.isdir(folder):
        raise ModelNotFound(f"there is no folder {folder}", "check the path after local-dir:")
    path = os.path.join(folder, CONFIG)
    if not os.path.isfile(path):
        raise ModelNotFound(
            f"{folder} has no {CONFIG}",
            f"local-dir: needs a folder with {CONFIG} and a weights file; for a weights file "
            "alone, give the architecture, too: NAME@FILE",
        )
    weights = folder_weights(folder)
    if weights is None:
        raise ModelNotFound(
            f"{folder} has a configuration, but no weights",
            f"put the weights beside {CONFIG}, preferably as {FOLDER_WEIGHTS[0]}",
        )
    config = read_config(path)
    model = config["model_cfg"]
    files = _tokenizer_files(folder) if tokenizer_repo(model) else ()
    if tokenizer_repo(model) and not files:
        raise ModelNotFound(
            f"{folder} has no tokenizer, but its {CONFIG} needs one",
            f"put the files of {tokenizer_repo(model)} (tokenizer.json and others) into the folder",
        )
    if not _tower_is_there(model):
        return None
    complete = complete_preprocess(model, config.get("preprocess_cfg") or {})
    return ModelFiles(reference, model, complete, weights, folder, "", files)


def folder_weights(folder: str) -> str | None:
    """Return the weights file that open_clip loads from a folder; None if there is none."""
    names = sorted(n for n in os.listdir(folder) if n.endswith((".safetensors", ".bin", ".pth")))
    names.sort(key=lambda name: not name.endswith(".safetensors"))
    preferred = [name for name in FOLDER_WEIGHTS if name in names]
    chosen = (preferred or names or [""])[0]
    return os.path.join(folder, chosen) if chosen else None


def _first_cached(repo: str, names: tuple[str, ...]) -> str | None:
    paths = (cache.cached_file(repo, name) for name in names)
    return next((path for path in paths if path), None)


def _tokenizer_files(folder: str) -> tuple[str, ...]:
    names = [n for n in TOKENIZER_FILES if os.path.isfile(os.path.join(folder, n))]
    if not _ENOUGH_FOR_A_TOKENIZER.intersection(names):
        return ()
    return tuple(os.path.join(folder, name) for name in names)
