"""Encodes with OpenVINO on the processor: the engine where no graphics card is used.

The first texts of a process go to `words` where the model has such a tower, and OpenVINO is not
even imported for them. Torch and open_clip are not imported when the model has been exported before
and its tokenizer is open_clip's own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.checks import require_pixels, require_texts, unit_rows
from retrieval.encoders.compiled.exports import Export, folder_of
from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.compiled.speeds import EXACT, fastest
from retrieval.encoders.compiled.towers import ROWS_A_REQUEST, Placement, Tower
from retrieval.encoders.models.files import ModelFiles
from retrieval.encoders.models.tables import bpe_vocabulary
from retrieval.encoders.texts.words import by_length, open_words
from retrieval.specs import ModelSpec

LEAST_COSINE = 0.9999
"""A precision that takes any probe's vector further from open_clip's is not chosen by itself."""

_WORTH_COMPILING = 16
"""After so many texts OpenVINO would have saved the time that it takes to load (asking.py)."""
_TOKENS_AT_ONCE = 1024
_LEAST_BATCH = 64
_LARGEST_BATCH = 512

Tokenize = Callable[[Sequence[str]], NDArray[np.int64]]


class OpenVinoEncoder:
    """An exported model. Each tower is compiled when it is first needed."""

    def __init__(
        self, files: ModelFiles, fingerprint: str, export: Export, precision: str = ""
    ) -> None:
        """Run in `precision`, or in the fastest that stays equal to open_clip."""
        self._files = files
        self._export = export
        self._wanted_precision = precision
        self._folder = folder_of(fingerprint)
        self._spec = ModelSpec(
            name=str(files.reference),
            fingerprint=fingerprint,
            dim=export.dim,
            preprocessing=export.preprocessing,
            licence=export.licence,
        )
        self._words = open_words(self._folder)
        self._words_taken = 0
        self._tokenize: Tokenize | None = None

    @property
    def spec(self) -> ModelSpec:
        """What the model is."""
        return self._spec

    @cached_property
    def _precision(self) -> str:
        return self._wanted_precision or choose_precision(self._export, self._spec.fingerprint)

    @cached_property
    def _pictures(self) -> Tower:
        return self._image_tower(self._folder)

    def _image_tower(self, folder: str) -> Tower:
        return tower_of(folder, "image", self._precision, self._export.dim, self._export.cache_mode)

    @cached_property
    def _texts(self) -> Tower:
        export = self._export
        return tower_of(self._folder, "text", self._precision, export.dim, export.cache_mode)

    @property
    def batch_size(self) -> int:
        """How many pictures it likes to get at a time: two rounds for all that run at once."""
        return max(_LEAST_BATCH, min(2 * self._pictures.rows_at_once(), _LARGEST_BATCH))

    def prepare_pictures(self) -> None:
        """Load OpenVINO and the image tower now."""
        self._pictures.prepare("THROUGHPUT")

    def prepare_texts(self) -> None:
        """Load OpenVINO and the text tower now, and read all texts with it."""
        self._texts.prepare("LATENCY")
        self._words = None

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
        return unit_rows(self._read(self._tokenize(texts)), self._spec)

    def _read(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        if self._words is not None and self._words_taken + len(tokens) <= _WORTH_COMPILING:
            self._words_taken += len(tokens)
            return self._words.run(tokens)
        if not self._export.cut:
            return self._texts.run(tokens, "LATENCY")
        rows = np.empty((len(tokens), self._export.dim), np.float32)
        for places, cut in by_length(tokens, _TOKENS_AT_ONCE):
            rows[places] = self._texts.run(cut, "LATENCY")
        return rows

    def _load_tokenizer(self) -> Tokenize:
        if self._export.cleaning:
            return light_tokenizer(
                self._files.tokenizer_files, self._export.context_length, self._export.cleaning
            )
        from retrieval.encoders.models.loading import load_tokenizer

        tokenize = load_tokenizer(self._files)
        return lambda texts: np.asarray(tokenize(list(texts)), np.int64)


def tower_of(folder: str, name: str, precision: str, dim: int, cache_mode: str) -> Tower:
    """Return a tower of an export: name is "image" or "text"."""
    return Tower(
        Placement(
            file=os.path.join(folder, f"{name}.xml"),
            # Of its own for each: OpenVINO takes what was compiled in one precision for another's.
            compiled=os.path.join(folder, "compiled", precision),
            cache_mode=cache_mode,
            precision=precision,
            rows_a_request=ROWS_A_REQUEST[name],
            dim=dim,
        )
    )


def light_tokenizer(files: Sequence[str], context_length: int, cleaning: str) -> Tokenize:
    """Return a tokenizer that needs no torch: open_clip's own, or that of a model's files.

    Raises ValueError or MissingExtra when those files need more than that.
    """
    if files:
        from retrieval.encoders.texts.pieces import PieceTokenizer

        return PieceTokenizer(files, context_length, cleaning)
    from retrieval.encoders.texts.bpe import BpeTokenizer

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
        lambda precision: tower_of(folder, "image", precision, export.dim, export.cache_mode),
    )
