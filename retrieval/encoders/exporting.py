"""From an open_clip model to OpenVINO's form, once per model, checked against open_clip.

Both towers take what callers have (uint8 pixels, token ids) and give unit vectors: scaling and
normalising are part of the graph.
"""

from __future__ import annotations

import copy
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compact import keep_halves
from retrieval.encoders.exports import Export, write_export
from retrieval.encoders.openclip import OpenClipEncoder
from retrieval.encoders.openvino import LEAST_COSINE, light_tokenizer, native_precisions
from retrieval.encoders.probes import HARD_TEXTS, PROBE_TEXTS, probe_pixels
from retrieval.encoders.quiet import quiet
from retrieval.encoders.runtime import load_converter, load_openvino
from retrieval.errors import MissingExtra, ModelError


def export(encoder: OpenClipEncoder) -> Export:
    """Export a loaded model into the cache and return what it is.

    Raises ModelError when OpenVINO cannot express it, or not closely enough.
    """
    try:
        with quiet():
            towers = {"image": _image_tower(encoder), "text": _text_tower(encoder)}
            for tower in towers.values():
                keep_halves(tower)
    except Exception as error:
        raise ModelError(f"OpenVINO cannot express it: {_first_line(error)}") from error
    result = Export(
        dim=encoder.spec.dim,
        preprocessing=encoder.spec.preprocessing,
        licence=encoder.spec.licence,
        context_length=_probe_tokens(encoder).shape[1],
        cleaning=_cleaning(encoder),
        least_cosine=_least_cosines(encoder, towers),
    )
    if not result.least_cosine["f32"] >= LEAST_COSINE:
        raise ModelError(
            f"its vectors would differ (cosine {result.least_cosine['f32']:.5f}, at least "
            f"{LEAST_COSINE} is wanted)"
        )

    def write_models(folder: str) -> None:
        for name, tower in towers.items():
            path = os.path.join(folder, f"{name}.xml")
            load_openvino().save_model(tower, path, compress_to_fp16=False)

    write_export(encoder.spec.fingerprint, result, write_models)
    return result


def _image_tower(encoder: OpenClipEncoder) -> Any:
    import torch

    class Tower(torch.nn.Module):
        """Pixels to unit vectors."""

        mean: torch.Tensor
        std: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.model = _folded(encoder.model)
            preprocessing = encoder.spec.preprocessing
            self.register_buffer("mean", torch.tensor(preprocessing.mean).view(1, 3, 1, 1))
            self.register_buffer("std", torch.tensor(preprocessing.std).view(1, 3, 1, 1))

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            planes = pixels.permute(0, 3, 1, 2).to(torch.float32) / 255
            features = self.model.encode_image((planes - self.mean) / self.std)
            return torch.nn.functional.normalize(features, dim=-1)

    height, width = encoder.spec.preprocessing.size
    example = torch.zeros(2, height, width, 3, dtype=torch.uint8)
    with _as_it_is_written(encoder.model), torch.inference_mode():
        return load_converter()(Tower().eval(), example_input=example, input=[-1, height, width, 3])


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


def _text_tower(encoder: OpenClipEncoder) -> Any:
    import torch

    class Tower(torch.nn.Module):
        """Token ids to unit vectors."""

        def __init__(self) -> None:
            super().__init__()
            self.model = encoder.model

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.normalize(self.model.encode_text(tokens), dim=-1)

    example = torch.from_numpy(_probe_tokens(encoder)[:2])
    with _as_it_is_written(encoder.model), torch.inference_mode():
        return load_converter()(Tower().eval(), example_input=example, input=[-1, example.shape[1]])


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


def _least_cosines(encoder: OpenClipEncoder, towers: dict[str, Any]) -> dict[str, float]:
    """Return, by precision this processor has, the lowest cosine to open_clip's vectors."""
    core = load_openvino().Core()
    pixels, tokens = probe_pixels(encoder.spec.preprocessing.size), _probe_tokens(encoder)
    probes = (
        ("image", pixels, encoder.encode_images(pixels)),
        ("text", tokens, encoder.encode_texts(list(PROBE_TEXTS))),
    )
    least = {}
    for precision in native_precisions():
        settings = {"INFERENCE_PRECISION_HINT": precision}
        cosines = []
        for name, inputs, reference in probes:
            found = core.compile_model(towers[name], "CPU", settings)(inputs)[0]
            unit = found / np.linalg.norm(found, axis=1, keepdims=True)
            cosines.append(float((unit * reference).sum(axis=1).min()))
        least[precision] = min(cosines)
    return least


def _probe_tokens(encoder: OpenClipEncoder) -> NDArray[np.int64]:
    tokens: NDArray[np.int64] = encoder.tokenize(list(PROBE_TEXTS)).numpy()
    return tokens


def _cleaning(encoder: OpenClipEncoder) -> str:
    """Return how the tokenizer cleans texts if one without torch gives the same ids, else ""."""
    from retrieval.encoders.bpe import CLEANING

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
