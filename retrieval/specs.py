"""A model's identity and its preprocessing: plain values that the packages exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ResizeMode = Literal["shortest", "longest", "squash"]
Interpolation = Literal["bicubic", "bilinear"]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture becomes a model's input: open_clip's `PreprocessCfg`, validated.

    `size` is (height, width) in pixels. `resize_mode` decides how other aspect ratios fit:
    `shortest` scales the short side and crops the centre, `longest` scales the long side and pads
    with `fill_color`, `squash` ignores the aspect ratio. `mean` and `std` are per channel (RGB) on
    the 0..1 scale; the encoder applies them, not the code that resizes.
    """

    size: tuple[int, int]
    resize_mode: ResizeMode
    interpolation: Interpolation
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fill_color: int = 0


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What identifies a model.

    `name` is the reference that loads it (`ViT-B-32/laion2b_s34b_b79k`, `local-dir:/models/x`).
    `fingerprint` is a hex digest of its weights, preprocessing and tokenizer: two models with the
    same fingerprint give the same vectors. `dim` is the length of an embedding. `licence` is the
    licence of the weights, empty when unknown.
    """

    name: str
    fingerprint: str
    dim: int
    preprocessing: Preprocessing
    licence: str = ""
