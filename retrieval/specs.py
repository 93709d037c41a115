"""What a model is and how it wants its pictures: plain facts that pass between the rooms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ResizeMode = Literal["shortest", "longest", "squash"]
Interpolation = Literal["bicubic", "bilinear"]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture becomes a model's input: open_clip's `PreprocessCfg`, checked.

    `size` is (height, width) in pixels. `resize_mode` says what happens to other aspect ratios:
    `shortest` scales the short side to fit and crops the centre, `longest` scales the long side
    and pads with `fill_color`, `squash` ignores the aspect. `mean` and `std` are per channel (RGB)
    on the 0..1 scale and are applied by the encoder, not by whoever resizes.
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

    `name` is the reference it is loaded by (`ViT-B-32/laion2b_s34b_b79k`, `local-dir:/models/x`);
    `fingerprint` is a hex digest of its weights, preprocessing and tokenizer: two models with one
    fingerprint give the same vectors. `dim` is the embedding's length; `licence` is that of the
    weights, empty when unknown.
    """

    name: str
    fingerprint: str
    dim: int
    preprocessing: Preprocessing
    licence: str = ""
