"""Encodes with OpenVINO on the processor: the engine where no graphics card is used.

Imports neither torch nor open_clip when the model has been exported before and its tokenizer is
open_clip's own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.checks import require_pixels, require_texts, unit_rows
from retrieval.encoders.exports import Export, folder_of
from retrieval.encoders.files import ModelFiles
from retrieval.encoders.runtime import load_openvino
from retrieval.encoders.speeds import EXACT, fastest
from retrieval.encoders.tables import bpe_vocabulary
from retrieval.encoders.towers import Placement, Tower
from retrieval.specs import ModelSpec

LEAST_COSINE = 0.9999
"""A precision that takes any probe's vector further from open_clip's is not chosen by itself."""

_ROWS_A_REQUEST = {"image": 16, "text": 64}
_LEAST_BATCH = 64
_LARGEST_BATCH = 512

Tokenize = Callable[[Sequence[str]], NDArray[np.int64]]


class OpenVinoEncoder:
    """An exported model. Each tower is compiled when it is first needed."""

    def __init__(self, files: ModelFiles, fingerprint: str, export: Export, precision: str) -> None:
        """Use `choose_precision` for `precision`."""
        self._files = files
        self._export = export
        self._precision = precision
        self._folder = folder_of(fingerprint)
        self._spec = ModelSpec(
            name=str(files.reference),
            fingerprint=fingerprint,
            dim=export.dim,
            preprocessing=export.preprocessing,
            licence=export.licence,
        )
        self._pictures = image_tower(self._folder, precision, export.dim)
        self._texts = _tower(self._folder, "text", precision, export.dim)
        self._tokenize: Tokenize | None = None

    @property
    def spec(self) -> ModelSpec:
        """What the model is."""
        return self._spec

    @property
    def batch_size(self) -> int:
        """How many pictures it likes to get at a time: two rounds for all that run at once."""
        return max(_LEAST_BATCH, min(2 * self._pictures.rows_at_once(), _LARGEST_BATCH))

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode pictures, (n, H, W, 3) RGB, resized to `spec.preprocessing.size`: (n, dim)."""
        require_pixels(pixels, self._spec)
        if len(pixels) == 0:
            return np.empty((0, self._spec.dim), np.float32)
        alone = len(pixels) == 1 and not self._pictures.is_compiled_for("THROUGHPUT")
        rows = self._pictures.run(pixels, "LATENCY" if alone else "THROUGHPUT")
        return unit_rows(rows, self._spec)  # lower precision leaves lengths a little off 1

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts: (n, dim)."""
        require_texts(texts)
        if len(texts) == 0:
            return np.empty((0, self._spec.dim), np.float32)
        if self._tokenize is None:
            self._tokenize = self._load_tokenizer()
        return unit_rows(self._texts.run(self._tokenize(texts), "LATENCY"), self._spec)

    def _load_tokenizer(self) -> Tokenize:
        if self._export.cleaning:
            return light_tokenizer(
                self._files.tokenizer_files, self._export.context_length, self._export.cleaning
            )
        from retrieval.encoders.loading import load_tokenizer

        tokenize = load_tokenizer(self._files)
        return lambda texts: np.asarray(tokenize(list(texts)), np.int64)


def image_tower(folder: str, precision: str, dim: int) -> Tower:
    """Return the image tower of an export."""
    return _tower(folder, "image", precision, dim)


def _tower(folder: str, name: str, precision: str, dim: int) -> Tower:
    return Tower(
        Placement(
            file=os.path.join(folder, f"{name}.xml"),
            # Of its own for each: OpenVINO takes what was compiled in one precision for another's.
            compiled=os.path.join(folder, "compiled", precision),
            precision=precision,
            rows_a_request=_ROWS_A_REQUEST[name],
            dim=dim,
        )
    )


def light_tokenizer(files: Sequence[str], context_length: int, cleaning: str) -> Tokenize:
    """Return a tokenizer that needs no torch: open_clip's own, or that of a model's files.

    Raises ValueError or MissingExtra when those files need more than that.
    """
    if files:
        from retrieval.encoders.pieces import PieceTokenizer

        return PieceTokenizer(files, context_length, cleaning)
    from retrieval.encoders.bpe import BpeTokenizer

    return BpeTokenizer(bpe_vocabulary(), context_length, cleaning)


def native_precisions() -> tuple[str, ...]:
    """Return the precisions that this processor has arithmetic of its own for."""
    has = load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return (*(hint for name, hint in (("BF16", "bf16"), ("FP16", "f16")) if name in has), EXACT)


def choose_precision(export: Export, fingerprint: str) -> str:
    """Return the fastest precision in which the model stays equal to open_clip's.

    Measured when a model is first opened on a processor, which takes a few seconds then.
    """
    equal = [
        precision
        for precision in native_precisions()
        if precision == EXACT or export.least_cosine.get(precision, 0.0) >= LEAST_COSINE
    ]
    folder = folder_of(fingerprint)
    return fastest(
        equal,
        folder,
        export.preprocessing.size,
        lambda precision: image_tower(folder, precision, export.dim),
    )
