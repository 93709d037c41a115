"""Build an open_clip model and its tokenizer from files, with clear errors.

Pickled weights are loaded with `weights_only` and checked before open_clip loads them, because a
pickle can run any code and open_clip has a fallback without `weights_only`.
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
    """Return the model, a torch module on the CPU, in evaluation mode and float32.

    Raises ModelError when it cannot be built or its weights are damaged, do not fit or are not
    plain tensors; MissingExtra when it needs transformers.
    """
    if tower_repo(files.config):
        _require_transformers(files)
    with without_hub():
        model = _build(files)
        _vet(files.weights)
        _fill(model, files)
    model.eval().requires_grad_(False)  # noqa: FBT003, RUF100
    return model


def load_tokenizer(files: ModelFiles) -> Callable[[list[str]], Any]:
    """Return the model's tokenizer, from a list of n texts to a tensor (n, context) of token ids.

    Raises ModelError when it cannot be loaded, MissingExtra when it needs transformers.
    """
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
            f"fetch the model again: pixtrieve models fetch {files.reference}",
        ) from error


def _hub_tokenizer(files: ModelFiles) -> Callable[[list[str]], Any]:
    """Do what `open_clip.get_tokenizer` does, but from the folder with the files.

    Given the repository's name instead, transformers asks the hub for optional files.
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
            "the configuration is damaged or needs a newer open_clip: "
            "pip install --upgrade open_clip_torch timm",
        ) from error


def _open_clip_name(files: ModelFiles) -> str:
    return f"local-dir:{files.folder}" if files.folder else files.reference.name


def _vet(path: str) -> None:
    """Raise ModelError for a pickle that contains anything but tensors."""
    import torch

    if path.endswith(".safetensors"):
        return
    try:
        # Memory-mapped, so that this does not read the tensors themselves.
        torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:
        if isinstance(error, pickle.UnpicklingError) or "TorchScript" in str(error):
            raise ModelError(
                f"{path} was refused: it contains more than plain tensors, and a pickle can run "
                "any code on this machine",
                "get the model as .safetensors from a source you trust, or save only its "
                "state_dict",
            ) from error
        raise _damaged(path, error) from error


def _fill(model: Any, files: ModelFiles) -> None:
    import open_clip

    try:
        open_clip.load_checkpoint(model, files.weights, strict=True, weights_only=True)
    except (RuntimeError, KeyError, AttributeError, AssertionError) as error:
        raise ModelError(
            f"{files.weights} does not fit the model {files.reference}: {_mismatch(error)}",
            "the weights are incomplete or of another architecture: use those of "
            f"{files.reference}, or name the architecture that they belong to",
        ) from error
    except Exception as error:
        raise _damaged(files.weights, error) from error


def _damaged(path: str, error: Exception) -> ModelError:
    return ModelError(
        f"{path} cannot be read: {_first_line(error)}", "the file is damaged: download it again"
    )


def _mismatch(error: Exception) -> str:
    """Shorten torch's list of hundreds of keys to one readable line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[1:2] or lines[:1]) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "…"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def _require_transformers(files: ModelFiles) -> None:
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtra("transformers", "transformers", f"the text tower of {files.reference}")


@contextlib.contextmanager
def without_hub() -> Iterator[None]:
    """Forbid the hub's client the network while a model loads from disk."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
