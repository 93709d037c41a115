"""Encodes with open_clip on torch: the reference that every faster engine is compared with.

Imports torch and open_clip only inside its functions. Nothing is downloaded here:
open_clip builds the architecture without weights, then loads exactly the file that was
fingerprinted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.checks import require_pixels, require_texts, unit_rows
from retrieval.encoders.models.files import ModelFiles
from retrieval.encoders.models.fingerprint import fingerprint
from retrieval.encoders.models.licences import licence_of
from retrieval.encoders.models.loading import load_model, load_tokenizer
from retrieval.encoders.oom_safe_batches import OomSafeBatches
from retrieval.encoders.silenced import quiet
from retrieval.errors import ModelError
from retrieval.specs import ModelSpec, Preprocessing

if TYPE_CHECKING:
    import torch

_MODES = "preprocess_cfg knows shortest, longest, squash; bicubic, bilinear"
DEVICES = ("auto", "cpu", "cuda", "mps")
_TEXTS_AT_ONCE = 256  # bounds memory when thousands of captions are encoded
_PICTURES_AT_ONCE = 4096  # callers mind `batch_size`, or know what they do
_BATCH_SIZE = {"cpu": 32, "cuda": 256, "mps": 64}


class OpenClipEncoder:
    """An open_clip model, its preprocessing and its tokenizer, wrapped once."""

    def __init__(self, files: ModelFiles, *, device: str = "auto") -> None:
        with quiet():
            import torch

            self._device = choose_device(device)
            self.model = load_model(files).to(self._device)
            self.tokenize: Callable[[list[str]], torch.Tensor] = load_tokenizer(files)
        self.tokenizer_files = files.tokenizer_files  # none: it is open_clip's own
        self._spec = _spec(files, self.model)
        self._cast = _cast_to(self._device)
        self._picture_portions = OomSafeBatches(_PICTURES_AT_ONCE, self.device)
        self._text_portions = OomSafeBatches(_TEXTS_AT_ONCE, self.device)
        shape = (1, 3, 1, 1)
        preprocessing = self._spec.preprocessing
        self._mean = torch.tensor(preprocessing.mean, device=self._device).view(shape)
        self._std = torch.tensor(preprocessing.std, device=self._device).view(shape)

    @property
    def spec(self) -> ModelSpec:
        """What the model is."""
        return self._spec

    @property
    def device(self) -> str:
        """Where the model runs: cpu, cuda or mps."""
        return str(self._device)

    @property
    def batch_size(self) -> int:
        """How many pictures it likes to get at a time: many where that keeps a card busy."""
        return _BATCH_SIZE[self._device.type]

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode pictures, (n, H, W, 3) RGB, resized to `spec.preprocessing.size`: (n, dim)."""
        require_pixels(pixels, self._spec)
        if len(pixels) == 0:
            return np.empty((0, self._spec.dim), np.float32)
        return self._picture_portions.encode(pixels, self._encode_pixels)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts: (n, dim)."""
        require_texts(texts)
        if len(texts) == 0:
            return np.empty((0, self._spec.dim), np.float32)
        return self._text_portions.encode(list(texts), self._encode_words)

    def autocast(self) -> AbstractContextManager[Any]:
        """Return a context in which torch computes as this encoder does: in halves on a card."""
        import torch

        if self._cast is None:
            return nullcontext()
        return torch.autocast(self._device.type, dtype=self._cast)

    def _encode_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode(), self.autocast():
            return self._unit_rows(self.model.encode_image(self._input(pixels)))

    def _encode_words(self, texts: list[str]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode(), self.autocast():
            return self._unit_rows(self.model.encode_text(self.tokenize(texts).to(self._device)))

    def _input(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        """Do what torchvision's ToTensor and Normalize do, for the whole batch on the device."""
        import torch

        batch = torch.from_numpy(np.require(pixels, requirements=["C", "W"]))
        if self._device.type == "cuda":  # a quarter of the bytes that float32 would be
            batch = batch.pin_memory().to(self._device, non_blocking=True)
        else:
            batch = batch.to(self._device)
        planes = batch.permute(0, 3, 1, 2).contiguous()
        return planes.to(torch.float32).div_(255).sub_(self._mean).div_(self._std)

    def _unit_rows(self, features: torch.Tensor) -> NDArray[np.float32]:
        return unit_rows(features.float().cpu().numpy(), self._spec)


def choose_device(name: str) -> torch.device:
    """Turn auto, cpu, cuda or mps into a device that is there; ModelError if it is not."""
    import torch

    if name not in DEVICES:
        raise ModelError(f"there is no device {name!r}", f"devices are {', '.join(DEVICES)}")
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(each for each, there in available.items() if there)
    if not available[name]:
        what = "an NVIDIA graphics card and a torch built for it" if name == "cuda" else "a Mac"
        raise ModelError(f"the device {name} is not available here", f"it needs {what}; use auto")
    return torch.device(name)


def _cast_to(device: torch.device) -> torch.dtype | None:
    import torch

    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _spec(files: ModelFiles, model: Any) -> ModelSpec:
    name = str(files.reference)
    return ModelSpec(
        name=name,
        fingerprint=fingerprint(files),
        dim=int(files.config["embed_dim"]),
        preprocessing=_preprocessing(name, model.visual.preprocess_cfg),
        licence=licence_of(name),
    )


def _preprocessing(name: str, settings: Mapping[str, Any]) -> Preprocessing:
    """Check open_clip's PreprocessCfg; its loose forms (one number for two or three) are spread."""
    mode, interpolation = settings["resize_mode"], settings["interpolation"]
    if mode not in ("shortest", "longest", "squash"):
        raise ModelError(f"{name} wants the unknown resize mode {mode!r}", _MODES)
    if interpolation not in ("bicubic", "bilinear", "random"):
        raise ModelError(f"{name} wants the unknown interpolation {interpolation!r}", _MODES)
    try:
        size = settings["size"]
        height, width = (size, size) if isinstance(size, int) else size
        return Preprocessing(
            size=(int(height), int(width)),
            resize_mode=mode,
            # As in open_clip: random is for training; for use it means bicubic.
            interpolation="bilinear" if interpolation == "bilinear" else "bicubic",
            mean=_per_channel(settings["mean"]),
            std=_per_channel(settings["std"]),
            fill_color=int(settings["fill_color"] or 0),
        )
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"the preprocessing of {name} makes no sense: {error}",
            "see preprocess_cfg in its configuration: size, mean, std, fill_color",
        ) from error


def _per_channel(value: float | Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (value,) * 3 if isinstance(value, (int, float)) else value
    return float(red), float(green), float(blue)
