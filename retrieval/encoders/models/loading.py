"""Builds an open_clip model and its tokenizer from files, and says in plain words why it cannot.

Weights in pickles are read with `weights_only` and are vetted before open_clip sees them, because
a pickle can run any code when it is loaded and open_clip has a fallback without that switch.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from retrieval.encoders.models import tables
from retrieval.encoders.models.configs import CONFIG, tokenizer_repo, tower_repo
from retrieval.encoders.models.files import ModelFiles
from retrieval.errors import MissingExtra, ModelError, PixtrieveError


def load_model(files: ModelFiles) -> Any:
    """Return the model (a torch module) on the CPU in evaluation mode, float32."""
    if tower_repo(files.config):
        _require_transformers(files)
    with without_hub():
        model = _build(files)
        _vet(files.weights)
        _fill(model, files)
    model.eval().requires_grad_(False)  # noqa: FBT003, RUF100
    return model


def load_tokenizer(files: ModelFiles) -> Callable[[list[str]], Any]:
    """Return the model's own tokenizer: a list of texts to a tensor of token ids."""
    try:
        with without_hub():
            if tokenizer_repo(files.config):
                return _hub_tokenizer(files)
            import open_clip

            tokenizer: Callable[[list[str]], Any] = open_clip.get_tokenizer(_open_clip_name(files))
            return tokenizer
    except PixtrieveError:
        raise
    except Exception as error:
        raise ModelError(
            f"the tokenizer of {files.reference} cannot be loaded: {_first_line(error)}",
            "fetch the model again: pixtrieve models fetch " + str(files.reference),
        ) from error


def _hub_tokenizer(files: ModelFiles) -> Callable[[list[str]], Any]:
    """Do as `open_clip.get_tokenizer` does, but from the folder that holds the files.

    By the repository's name, transformers would ask the hub for files that need not exist.
    """
    _require_transformers(files)
    from open_clip.tokenizer import DEFAULT_CONTEXT_LENGTH, HFTokenizer

    text = files.config["text_cfg"]
    tokenizer: Callable[[list[str]], Any] = HFTokenizer(
        os.path.dirname(files.tokenizer_files[0]),
        context_length=text.get("context_length", DEFAULT_CONTEXT_LENGTH),
        tokenizer_mode=text.get("tokenizer_mode"),
        **text.get("tokenizer_kwargs", {}),
    )
    return tokenizer


def _build(files: ModelFiles) -> Any:
    import open_clip

    name = _open_clip_name(files)
    settings = {key: files.preprocess[key] for key in tables.PREPROCESS_KEYS if key != "size"}
    try:
        return open_clip.create_model(
            name,
            load_weights=False,
            pretrained_image=False,
            pretrained_text=False,
            force_preprocess_cfg=settings,
        )
    except Exception as error:
        where = os.path.join(files.folder, CONFIG) if files.folder else name
        raise ModelError(
            f"open_clip cannot build the model that {where} describes: {_first_line(error)}",
            "the configuration is damaged, or of a newer open_clip: "
            "pip install --upgrade open_clip_torch timm",
        ) from error


def _open_clip_name(files: ModelFiles) -> str:
    return f"local-dir:{files.folder}" if files.folder else files.reference.name


def _vet(path: str) -> None:
    """Refuse a pickle that wants to do more than hold tensors."""
    import torch

    if path.endswith(".safetensors"):
        return
    try:
        # Mapped, not read: the tensors themselves are not touched twice.
        torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:
        if isinstance(error, pickle.UnpicklingError) or "TorchScript" in str(error):
            raise ModelError(
                f"{path} was refused: it is no plain set of tensors, and anything else in a "
                "pickle could run any code on this machine",
                "get the model as .safetensors from a source you trust, or save its state_dict",
            ) from error
        raise _damaged(path, error) from error


def _fill(model: Any, files: ModelFiles) -> None:
    import open_clip

    try:
        open_clip.load_checkpoint(model, files.weights, strict=True, weights_only=True)
    except (RuntimeError, KeyError, AttributeError, AssertionError) as error:
        raise ModelError(
            f"{files.weights} does not fit the model {files.reference}: {_mismatch(error)}",
            "the weights are incomplete or of another architecture",
        ) from error
    except Exception as error:
        raise _damaged(files.weights, error) from error


def _damaged(path: str, error: Exception) -> ModelError:
    return ModelError(
        f"{path} cannot be read: {_first_line(error)}", "the file is damaged: get it again"
    )


def _mismatch(error: Exception) -> str:
    """Shorten torch's list of hundreds of keys to one line that can be read."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[1:2] or lines[:1]) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "…"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def _require_transformers(files: ModelFiles) -> None:
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtra("transformers", "transformers", f"the text side of {files.reference}")


@contextlib.contextmanager
def without_hub() -> Iterator[None]:
    """Keep every library from the network while a model loads: all that it needs is on disk."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
