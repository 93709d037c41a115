"""A model's identity and its preprocessing: plain values that the packages exchange."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

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


_LARGEST_DIM = 65_536
_LARGEST_SIDE = 16_384


def preprocessing_of(facts: str | Mapping[str, Any]) -> Preprocessing:
    """Rebuild what `asdict` made of a Preprocessing, also from its JSON; or raise ValueError.

    All values are checked, because they may come from a damaged file.
    """
    try:
        values = dict(json.loads(facts) if isinstance(facts, str) else facts)
        for key in ("size", "mean", "std"):
            values[key] = tuple(values[key])
        found = Preprocessing(**values)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError("the preprocessing of the model cannot be read") from error
    named = {each.name for each in fields(Preprocessing)} == values.keys() | {"fill_color"}
    if not (named and _is_plausible(found)):
        raise ValueError("the preprocessing of the model cannot be right")
    return found


def _is_plausible(found: Preprocessing) -> bool:
    numbers = (*found.mean, *found.std)
    return (
        len(found.size) == 2
        and all(type(side) is int and 0 < side <= _LARGEST_SIDE for side in found.size)
        and len(found.mean) == len(found.std) == 3
        and all(type(each) in (int, float) and math.isfinite(each) for each in numbers)
        and all(found.std)
        and found.resize_mode in get_args(ResizeMode)
        and found.interpolation in get_args(Interpolation)
        and type(found.fill_color) is int
        and 0 <= found.fill_color <= 255
    )


def is_plausible(spec: ModelSpec) -> bool:
    """Tell whether the values of a spec have their types, and its dimension is a possible one."""
    texts = (spec.name, spec.fingerprint, spec.licence)
    return (
        all(isinstance(text, str) and "\0" not in text for text in texts)
        and bool(spec.name and spec.fingerprint)
        and type(spec.dim) is int
        and 0 < spec.dim <= _LARGEST_DIM
    )
