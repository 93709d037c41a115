"""Encode with open_clip on torch: the reference for all faster engines.

Torch and open_clip are imported inside functions only. Nothing is downloaded: open_clip builds the
architecture without weights, then loads exactly the file that was fingerprinted.
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
from retrieval.encoders.silenced import silenced
from retrieval.errors import ModelError
from retrieval.specs import ModelSpec, Preprocessing

if TYPE_CHECKING:
    import torch

_MODES = (
    "preprocess_cfg must have one of shortest, longest, squash as resize_mode, "
    "and bicubic or bilinear as interpolation"
)
DEVICES = ("auto", "cpu", "cuda", "mps")
_TEXTS_AT_ONCE = 256  # limits memory when a caller encodes thousands of captions
_PICTURES_AT_ONCE = 4096  # callers choose smaller batches: see `batch_size`
_BATCH_SIZE = {"cpu": 32, "cuda": 256, "mps": 64}


class OpenClipEncoder:
    """An open_clip model with its preprocessing and tokenizer."""

    def __init__(self, files: ModelFiles, *, device: str = "auto") -> None:
        with silenced():
            import torch

            self._device = choose_device(device)
            self.model = load_model(files).to(self._device)
            self.tokenize: Callable[[list[str]], torch.Tensor] = load_tokenizer(files)
        self.tokenizer_files = files.tokenizer_files  # empty for open_clip's own tokenizer
        self._spec = _spec(files, self.model)
        self._cast = _cast_to(self._device)
        self._picture_batches = OomSafeBatches(_PICTURES_AT_ONCE, self.device)
        self._text_batches = OomSafeBatches(_TEXTS_AT_ONCE, self.device)
        shape = (1, 3, 1, 1)
        preprocessing = self._spec.preprocessing
        self._mean = torch.tensor(preprocessing.mean, device=self._device).view(shape)
        self._std = torch.tensor(preprocessing.std, device=self._device).view(shape)

    @property
    def spec(self) -> ModelSpec:
        """The model's identity and preprocessing."""
        return self._spec

    @property
    def device(self) -> str:
        """The device on which the model runs: cpu, cuda or mps."""
        return str(self._device)

    @property
    def batch_size(self) -> int:
        """The best number of pictures per call; larger on a graphics card."""
        return _BATCH_SIZE[self._device.type]

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode (n, H, W, 3) RGB pixels of the size `spec.preprocessing.size` to (n, dim)."""
        require_pixels(pixels, self._spec)
        if len(pixels) == 0:
            return np.empty((0, self._spec.dim), np.float32)
        return self._picture_batches.encode(pixels, self._encode_pixels)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode n texts to (n, dim)."""
        require_texts(texts)
        if len(texts) == 0:
            return np.empty((0, self._spec.dim), np.float32)
        return self._text_batches.encode(list(texts), self._encode_strings)

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of this encoder's precision: half precision on CUDA, else float32."""
        import torch

        if self._cast is None:
            return nullcontext()
        return torch.autocast(self._device.type, dtype=self._cast)

    def _encode_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode(), self.autocast():
            return self._unit_rows(self.model.encode_image(self._input(pixels)))

    def _encode_strings(self, texts: list[str]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode(), self.autocast():
            return self._unit_rows(self.model.encode_text(self.tokenize(texts).to(self._device)))

    def _input(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        """Apply torchvision's ToTensor and Normalize to the whole batch on the device."""
        import torch

        batch = torch.from_numpy(np.require(pixels, requirements=["C", "W"]))
        if self._device.type == "cuda":  # uint8 transfers a quarter of the bytes of float32
            batch = batch.pin_memory().to(self._device, non_blocking=True)
        else:
            batch = batch.to(self._device)
        planes = batch.permute(0, 3, 1, 2).contiguous()
        return planes.to(torch.float32).div_(255).sub_(self._mean).div_(self._std)

    def _unit_rows(self, features: torch.Tensor) -> NDArray[np.float32]:
        return unit_rows(features.float().cpu().numpy(), self._spec)


def choose_device(name: str) -> torch.device:
    """Return the device for auto, cpu, cuda or mps; ModelError if it is not available."""
    import torch

    if name not in DEVICES:
        raise ModelError(f"there is no device {name}", f"choose from {', '.join(DEVICES)}")
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(each for each, there in available.items() if there)
    if not available[name]:
        what = "an NVIDIA graphics card and a torch built for it" if name == "cuda" else "a Mac"
        raise ModelError(
            f"the device {name} is not available here", f"it needs {what}; use --device auto"
        )
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
    """Validate open_clip's PreprocessCfg; expand single numbers to one per side or channel."""
    mode, interpolation = settings["resize_mode"], settings["interpolation"]
    if mode not in ("shortest", "longest", "squash"):
        raise ModelError(f"{name} needs the unknown resize mode {mode!r}", _MODES)
    if interpolation not in ("bicubic", "bilinear", "random"):
        raise ModelError(f"{name} needs the unknown interpolation {interpolation!r}", _MODES)
    try:
        size = settings["size"]
        height, width = (size, size) if isinstance(size, int) else size
        return Preprocessing(
            size=(int(height), int(width)),
            resize_mode=mode,
            # As in open_clip: `random` applies to training only; inference uses bicubic.
            interpolation="bilinear" if interpolation == "bilinear" else "bicubic",
            mean=_per_channel(settings["mean"]),
            std=_per_channel(settings["std"]),
            fill_color=int(settings["fill_color"] or 0),
        )
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"the preprocessing of {name} is invalid: {error}",
            "check preprocess_cfg in its configuration: size, mean, std, fill_color",
        ) from error


def _per_channel(value: float | Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (value,) * 3 if isinstance(value, (int, float)) else value
    return float(red), float(green), float(blue)
