"""Encodes with OpenVINO on the processor: the engine where no graphics card is used.

Imports neither torch nor open_clip when the model has been exported before and its tokenizer is
open_clip's own.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.checks import require_pixels, require_texts, unit_rows
from retrieval.encoders.exports import Export, folder_of
from retrieval.encoders.files import ModelFiles
from retrieval.encoders.runtime import load_openvino
from retrieval.encoders.tables import bpe_vocabulary
from retrieval.specs import ModelSpec

ov = load_openvino()

LEAST_COSINE = 0.9999
"""A precision that takes any probe's vector further from open_clip's is not chosen by itself."""

_PICTURES_A_REQUEST = 8
_TEXTS_A_REQUEST = 64

Tokenize = Callable[[Sequence[str]], NDArray[np.int64]]


class OpenVinoEncoder:
    """An exported model. Each tower is compiled when it is first needed."""

    batch_size = 64

    def __init__(self, files: ModelFiles, fingerprint: str, export: Export, precision: str) -> None:
        """Use `choose_precision` for `precision`."""
        self._files = files
        self._export = export
        self._folder = folder_of(fingerprint)
        self._core = ov.Core()
        self._settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "CACHE_DIR": os.path.join(self._folder, "compiled"),
            "CACHE_MODE": "OPTIMIZE_SIZE",  # without a second copy of the weights; as quick to load
        }
        self._spec = ModelSpec(
            name=str(files.reference),
            fingerprint=fingerprint,
            dim=export.dim,
            preprocessing=export.preprocessing,
            licence=export.licence,
        )
        self._towers: dict[str, list[Any]] = {}
        self._tokenize: Tokenize | None = None

    @property
    def spec(self) -> ModelSpec:
        """What the model is."""
        return self._spec

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode pictures, (n, H, W, 3) RGB, resized to `spec.preprocessing.size`: (n, dim)."""
        require_pixels(pixels, self._spec)
        return self._run("image", pixels, _PICTURES_A_REQUEST, "THROUGHPUT")

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts: (n, dim)."""
        require_texts(texts)
        if self._tokenize is None:
            self._tokenize = self._load_tokenizer()
        return self._run("text", self._tokenize(texts), _TEXTS_A_REQUEST, "LATENCY")

    def _run(self, name: str, inputs: NDArray[Any], at_once: int, hint: str) -> NDArray[np.float32]:
        """Run a tower over rows of inputs, as many requests at a time as it likes.

        Without callbacks: OpenVINO's queue with callbacks can wait for a thread that waits for
        Python's lock when it is destroyed.
        """
        rows = np.empty((len(inputs), self._spec.dim), np.float32)
        requests = self._requests(name, hint)
        started: deque[tuple[Any, int]] = deque()

        def finish(request: Any, start: int) -> None:
            request.wait()
            found = request.get_output_tensor().data
            rows[start : start + len(found)] = found

        for number, start in enumerate(range(0, len(inputs), at_once)):
            if len(started) == len(requests):
                finish(*started.popleft())
            request = requests[number % len(requests)]
            request.start_async({0: np.ascontiguousarray(inputs[start : start + at_once])})
            started.append((request, start))
        while started:
            finish(*started.popleft())
        return unit_rows(rows, self._spec)  # lower precision leaves lengths a little off 1

    def _requests(self, name: str, hint: str) -> list[Any]:
        if name not in self._towers:
            path = os.path.join(self._folder, f"{name}.xml")
            settings = {**self._settings, "PERFORMANCE_HINT": hint}
            tower = self._core.compile_model(path, "CPU", settings)
            count = tower.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
            self._towers[name] = [tower.create_infer_request() for _ in range(count)]
        return self._towers[name]

    def _load_tokenizer(self) -> Tokenize:
        if self._export.cleaning:
            from retrieval.encoders.bpe import BpeTokenizer

            return BpeTokenizer(
                bpe_vocabulary(), self._export.context_length, self._export.cleaning
            )
        from retrieval.encoders.loading import load_tokenizer

        tokenize = load_tokenizer(self._files)
        return lambda texts: np.asarray(tokenize(list(texts)), np.int64)


def native_precisions() -> tuple[str, ...]:
    """Return the precisions this processor has arithmetic of its own for, the fastest first."""
    has = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return (*(hint for name, hint in (("BF16", "bf16"), ("FP16", "f16")) if name in has), "f32")


def choose_precision(export: Export) -> str:
    """Return the fastest native precision in which the model stays equal to open_clip's."""
    return next(
        (
            precision
            for precision in native_precisions()
            if export.least_cosine.get(precision, 0.0) >= LEAST_COSINE
        ),
        "f32",
    )
