"""Export an open_clip model to OpenVINO, once per model, and check it against open_clip.

Both towers take raw inputs (uint8 pixels, token ids) and return unit vectors: scaling and
normalising are part of the graph.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval.encoders.compiled import proofs
from retrieval.encoders.compiled.exports import Export, write_export
from retrieval.encoders.compiled.openvino import light_tokenizer
from retrieval.encoders.compiled.runtime import load_converter, load_openvino
from retrieval.encoders.compiled.speeds import EXACT
from retrieval.encoders.export import reference_probes
from retrieval.encoders.export.align_weights import align_weights
from retrieval.encoders.export.causal import causal_tower, text_tower_arrays
from retrieval.encoders.export.fp16_constants import store_as_fp16
from retrieval.encoders.export.slice_ends import bound_slice_ends
from retrieval.encoders.openclip import OpenClipEncoder
from retrieval.encoders.probes import HARD_TEXTS
from retrieval.encoders.silenced import silenced
from retrieval.encoders.texts.numpy_text_tower import NumpyTextTower, write_index
from retrieval.errors import MissingExtra, ModelError


def export(encoder: OpenClipEncoder) -> Export:
    """Export a loaded model into the cache and return its properties.

    Raises ModelError when OpenVINO cannot convert it or its vectors differ too much.
    """
    try:
        with silenced():
            written = {"image": image_tower(encoder), "text": text_tower(encoder)}
            towers = {name: tower.convert_with(load_converter()) for name, tower in written.items()}
            for tower in towers.values():
                bound_slice_ends(tower)
                store_as_fp16(tower)
    except Exception as error:
        raise ModelError(f"OpenVINO cannot convert it: {_first_line(error)}") from error
    probes = reference_probes.probes_of(encoder)
    cosines = proofs.least_cosines(probes, towers, proofs.native_precisions())
    proofs.require_equal(cosines[EXACT])

    def write_models(folder: str) -> Export:
        for name, tower in towers.items():
            path = os.path.join(folder, f"{name}.xml")
            load_openvino().save_model(tower, path, compress_to_fp16=False)
        _write_numpy_tower(encoder, probes, folder)
        proofs.write_probes(folder, probes)
        return Export(
            dim=encoder.spec.dim,
            preprocessing=encoder.spec.preprocessing,
            licence=encoder.spec.licence,
            context_length=reference_probes.probe_tokens(encoder).shape[1],
            cleaning=cleaning_of(encoder),
            cut=causal_tower(encoder.model) is not None,
            cache_mode=proofs.cache_mode(probes, folder),
            least_cosine=cosines,
        )

    return write_export(encoder.spec.fingerprint, write_models)


@dataclass(frozen=True, slots=True)
class TraceableTower:
    """A torch module, example inputs for tracing it, and the shape of its inputs (-1: any)."""

    model: Any
    module: Any
    example: Any
    shape: list[int]

    def convert_with(self, convert: Callable[..., Any]) -> Any:
        """Return `convert(module, example_input=…, input=…)`."""
        import torch

        with _without_fused_attention(self.model), torch.inference_mode():
            return convert(self.module, example_input=self.example, input=self.shape)


def image_tower(encoder: OpenClipEncoder) -> TraceableTower:
    """Return the tower from uint8 pixels (n, H, W, 3) to unit vectors (n, dim)."""
    import torch

    from retrieval.encoders.export.patches import patch_tower

    class FromPlanes(torch.nn.Module):
        """Pixels to vectors through open_clip's own input: normalised, channels first."""

        mean: torch.Tensor
        std: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.model = _folded(encoder.model)
            self.register_buffer("mean", torch.tensor(preprocessing.mean).view(1, 3, 1, 1))
            self.register_buffer("std", torch.tensor(preprocessing.std).view(1, 3, 1, 1))

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            planes = pixels.permute(0, 3, 1, 2).to(torch.float32) / 255
            features: torch.Tensor = self.model.encode_image((planes - self.mean) / self.std)
            return features

    class Tower(torch.nn.Module):
        """Pixels to unit vectors."""

        def __init__(self) -> None:
            super().__init__()
            self.encode = patch_tower(encoder.model, preprocessing) or FromPlanes()

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.normalize(self.encode(pixels), dim=-1)

    preprocessing = encoder.spec.preprocessing
    height, width = preprocessing.size
    example = torch.zeros(2, height, width, 3, dtype=torch.uint8)
    return TraceableTower(encoder.model, Tower().eval(), example, [-1, height, width, 3])


def _folded(model: Any) -> Any:
    """Return the model with the training-time branches of its image tower merged.

    MobileCLIP has such branches. The output stays the same; the probes check that.
    """
    from timm.utils.model import reparameterize_model

    if not any(hasattr(part, "reparameterize") for part in model.visual.modules()):
        return model
    folded = copy.copy(model)  # a shallow copy: it shares all parts with the model
    vars(folded)["_modules"] = dict(model.named_children())
    folded.visual = reparameterize_model(model.visual)
    return folded


def text_tower(encoder: OpenClipEncoder) -> TraceableTower:
    """Return the tower from token ids (n, length) to unit vectors (n, dim)."""
    import torch

    class Tower(torch.nn.Module):
        """Token ids to unit vectors."""

        def __init__(self) -> None:
            super().__init__()
            self.model = encoder.model  # registers its weights
            self.encode = causal_tower(encoder.model) or encoder.model.encode_text

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.normalize(self.encode(tokens), dim=-1)

    example = torch.from_numpy(reference_probes.probe_tokens(encoder)[:2])
    length = example.shape[1] if causal_tower(encoder.model) is None else -1
    return TraceableTower(encoder.model, Tower().eval(), example, [-1, length])


def _write_numpy_tower(
    encoder: OpenClipEncoder, probes: Sequence[proofs.Probe], folder: str
) -> None:
    """Index the exported text tower for numpy, if it then gives the same vectors."""
    found = text_tower_arrays(encoder.model)
    if found is None:
        return
    shape, arrays = found
    probe = next(probe for probe in probes if probe.tower == "text")
    rows = NumpyTextTower(shape, arrays).run(probe.inputs)
    if proofs.least_cosine(rows, probe.expected) >= proofs.LEAST_COSINE:
        write_index(folder, shape, align_weights(os.path.join(folder, "text"), arrays))


class _without_fused_attention:  # noqa: N801 - a context manager
    """Disable torch's fused attention while tracing: other frameworks cannot express it."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __enter__(self) -> None:
        import torch

        self._fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(value=False)

    def __exit__(self, *_: object) -> None:
        import torch

        torch.backends.mha.set_fastpath_enabled(value=self._fast)


def cleaning_of(encoder: OpenClipEncoder) -> str:
    """Return the text cleaning with which a tokenizer without torch gives the same ids, or ""."""
    from retrieval.encoders.texts.bpe import CLEANING

    wanted = encoder.tokenize(list(HARD_TEXTS)).numpy()
    for name in CLEANING:
        try:
            ours = light_tokenizer(encoder.tokenizer_files, wanted.shape[1], name)
        except (ValueError, OSError, MissingExtra):
            return ""
        if np.array_equal(ours(HARD_TEXTS), wanted):
            return name
    return ""


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
