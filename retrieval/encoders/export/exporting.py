"""From an open_clip model to OpenVINO's form, once per model, checked against open_clip.

Both towers take what callers have (uint8 pixels, token ids) and give unit vectors: scaling and
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
from retrieval.encoders.export import proving
from retrieval.encoders.export.align_weights import lay_out
from retrieval.encoders.export.causal import causal_tower, word_arrays
from retrieval.encoders.export.ends import end_slices
from retrieval.encoders.export.fp16_constants import keep_halves
from retrieval.encoders.openclip import OpenClipEncoder
from retrieval.encoders.probes import HARD_TEXTS
from retrieval.encoders.silenced import quiet
from retrieval.encoders.texts.numpy_text_tower import WordTower, write_index
from retrieval.errors import MissingExtra, ModelError


def export(encoder: OpenClipEncoder) -> Export:
    """Export a loaded model into the cache and return what it is.

    Raises ModelError when OpenVINO cannot express it, or not closely enough.
    """
    try:
        with quiet():
            written = {"image": image_tower(encoder), "text": text_tower(encoder)}
            towers = {name: tower.traced(load_converter()) for name, tower in written.items()}
            for tower in towers.values():
                end_slices(tower)
                keep_halves(tower)
    except Exception as error:
        raise ModelError(f"OpenVINO cannot express it: {_first_line(error)}") from error
    probes = proving.probes_of(encoder)
    cosines = proofs.least_cosines(probes, towers, proofs.native_precisions())
    proofs.require_equal(cosines[EXACT])

    def write_models(folder: str) -> Export:
        for name, tower in towers.items():
            path = os.path.join(folder, f"{name}.xml")
            load_openvino().save_model(tower, path, compress_to_fp16=False)
        _write_words(encoder, probes, folder)
        proofs.write_probes(folder, probes)
        return Export(
            dim=encoder.spec.dim,
            preprocessing=encoder.spec.preprocessing,
            licence=encoder.spec.licence,
            context_length=proving.probe_tokens(encoder).shape[1],
            cleaning=cleaning_of(encoder),
            cut=causal_tower(encoder.model) is not None,
            cache_mode=proofs.cache_mode(probes, folder),
            least_cosine=cosines,
        )

    return write_export(encoder.spec.fingerprint, write_models)


@dataclass(frozen=True, slots=True)
class WrittenTower:
    """A torch module, inputs to follow on its way, and the shape of those it will get."""

    model: Any
    module: Any
    example: Any
    shape: list[int]

    def traced(self, convert: Callable[..., Any]) -> Any:
        """Return what `convert(module, example_input=…, input=…)` makes of it."""
        import torch

        with _as_it_is_written(self.model), torch.inference_mode():
            return convert(self.module, example_input=self.example, input=self.shape)


def image_tower(encoder: OpenClipEncoder) -> WrittenTower:
    """Return what takes pixels to unit vectors."""
    import torch

    from retrieval.encoders.export.patches import patch_tower

    class FromPlanes(torch.nn.Module):
        """Pixels to vectors, as open_clip takes them: in planes, normalised."""

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
    return WrittenTower(encoder.model, Tower().eval(), example, [-1, height, width, 3])


def _folded(model: Any) -> Any:
    """Return the model with branches that its image tower needs for training only made one.

    They are MobileCLIP's; what comes out stays the same, which the probes confirm.
    """
    from timm.utils.model import reparameterize_model

    if not any(hasattr(part, "reparameterize") for part in model.visual.modules()):
        return model
    folded = copy.copy(model)  # which shares all its parts with the model
    vars(folded)["_modules"] = dict(model.named_children())
    folded.visual = reparameterize_model(model.visual)
    return folded


def text_tower(encoder: OpenClipEncoder) -> WrittenTower:
    """Return what takes token ids to unit vectors."""
    import torch

    class Tower(torch.nn.Module):
        """Token ids to unit vectors."""

        def __init__(self) -> None:
            super().__init__()
            self.model = encoder.model  # for its weights
            self.encode = causal_tower(encoder.model) or encoder.model.encode_text

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.normalize(self.encode(tokens), dim=-1)

    example = torch.from_numpy(proving.probe_tokens(encoder)[:2])
    length = example.shape[1] if causal_tower(encoder.model) is None else -1
    return WrittenTower(encoder.model, Tower().eval(), example, [-1, length])


def _write_words(encoder: OpenClipEncoder, probes: Sequence[proofs.Probe], folder: str) -> None:
    """Make the exported text tower one that numpy can run, too, if it then says the same."""
    found = word_arrays(encoder.model)
    if found is None:
        return
    shape, arrays = found
    probe = next(probe for probe in probes if probe.tower == "text")
    rows = WordTower(shape, arrays).run(probe.inputs)
    if proofs.least_cosine(rows, probe.expected) >= proofs.LEAST_COSINE:
        write_index(folder, shape, lay_out(os.path.join(folder, "text"), arrays))


class _as_it_is_written:  # noqa: N801 - used as a context
    """Keep torch's fused attention out of the trace: it cannot be expressed elsewhere."""

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
    """Return how the tokenizer cleans texts if one without torch gives the same ids, else ""."""
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
