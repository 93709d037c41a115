"""Encode with OpenVINO on the processor: the default engine without a graphics card.

The first texts of a process go to `numpy_text_tower` if it supports the model, and OpenVINO is not
even imported for them. Torch and open_clip are not imported if the model has graphs and a
tokenizer that runs without open_clip.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.checks import require_pixels, require_texts, unit_rows
from retrieval.encoders.compiled.graphs import Graphs, tower_of
from retrieval.encoders.compiled.proofs import LEAST_COSINE, least_cosines, native_precisions
from retrieval.encoders.compiled.speeds import EXACT, fastest, read_measured, write_measured
from retrieval.encoders.compiled.towers import Tower
from retrieval.encoders.models.files import ModelFiles
from retrieval.encoders.models.tables import bpe_vocabulary
from retrieval.encoders.texts.numpy_text_tower import by_length
from retrieval.specs import ModelSpec

_WORTH_COMPILING = 16
"""After this many texts, OpenVINO recovers its load time (benchmarks/asking.py)."""
_TOKENS_AT_ONCE = 1024
_LEAST_BATCH = 64
_LARGEST_BATCH = 512

Tokenize = Callable[[Sequence[str]], NDArray[np.int64]]


class OpenVinoEncoder:
    """An exported model. Each tower compiles on first use."""

    def __init__(
        self, files: ModelFiles, fingerprint: str, graphs: Graphs, precision: str = ""
    ) -> None:
        """Run in `precision`, or by default in the fastest accurate one."""
        self._files = files
        self.graphs = graphs
        self._export = export = graphs.export
        self._wanted_precision = precision
        self._spec = ModelSpec(
            name=str(files.reference),
            fingerprint=fingerprint,
            dim=export.dim,
            preprocessing=export.preprocessing,
            licence=export.licence,
        )
        self._numpy_tower = graphs.numpy_text_tower()
        self._numpy_texts = 0
        self._tokenize: Tokenize | None = None

    @property
    def spec(self) -> ModelSpec:
        """The model's identity and preprocessing."""
        return self._spec

    @cached_property
    def _precision(self) -> str:
        return self._wanted_precision or choose_precision(self.graphs)

    @cached_property
    def _pictures(self) -> Tower:
        return tower_of(self.graphs, "image", self._precision)

    @cached_property
    def _texts(self) -> Tower:
        return tower_of(self.graphs, "text", self._precision)

    @property
    def batch_size(self) -> int:
        """The best number of pictures per call: two rounds for all parallel requests."""
        return max(_LEAST_BATCH, min(2 * self._pictures.rows_at_once(), _LARGEST_BATCH))

    def prepare_pictures(self) -> None:
        """Load OpenVINO and the image tower now."""
        self._pictures.prepare("THROUGHPUT")

    def prepare_texts(self) -> None:
        """Load OpenVINO and the text tower now, and encode all texts with them."""
        self._texts.prepare("LATENCY")
        self._numpy_tower = None

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode (n, H, W, 3) RGB pixels of the size `spec.preprocessing.size` to (n, dim)."""
        require_pixels(pixels, self._spec)
        if len(pixels) == 0:
            return np.empty((0, self._spec.dim), np.float32)
        alone = len(pixels) == 1 and not self._pictures.is_compiled_for("THROUGHPUT")
        rows = self._pictures.run(pixels, "LATENCY" if alone else "THROUGHPUT")
        return unit_rows(rows, self._spec)  # in a lower precision, lengths differ slightly from 1

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode n texts to (n, dim)."""
        require_texts(texts)
        if len(texts) == 0:
            return np.empty((0, self._spec.dim), np.float32)
        if self._tokenize is None:
            self._tokenize = self._load_tokenizer()
        return unit_rows(self._encode_tokens(self._tokenize(texts)), self._spec)

    def _encode_tokens(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        if self._numpy_tower is not None and self._numpy_texts + len(tokens) <= _WORTH_COMPILING:
            self._numpy_texts += len(tokens)
            return self._numpy_tower.run(tokens)
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


def light_tokenizer(files: Sequence[str], context_length: int, cleaning: str) -> Tokenize:
    """Return a tokenizer without torch: open_clip's own, or one from the model's files.

    Raises ValueError or MissingExtra when those files need more than the `tokenizers` library.
    """
    if files:
        from retrieval.encoders.texts.pieces import PieceTokenizer

        return PieceTokenizer(files, context_length, cleaning)
    from retrieval.encoders.texts.bpe import BpeTokenizer

    return BpeTokenizer(bpe_vocabulary(), context_length, cleaning)


def choose_precision(graphs: Graphs) -> str:
    """Return the fastest precision in which the model reproduces open_clip's vectors.

    The first use of a model on a processor measures this, which takes a few seconds.
    """
    native = native_precisions()
    known = {**_measured_here(graphs, native), **graphs.export.least_cosine, EXACT: 1.0}
    return fastest(
        [precision for precision in native if known.get(precision, 0.0) >= LEAST_COSINE],
        graphs.folder,
        graphs.export.preprocessing.size,
        lambda precision: tower_of(graphs, "image", precision),
    )


def _measured_here(graphs: Graphs, native: Sequence[str]) -> dict[str, float]:
    """Return the lowest cosines of precisions that the exporting machine does not support."""
    known_before = {EXACT, *graphs.export.least_cosine}
    missing = [each for each in native if each not in known_before]
    if not missing:
        return {}
    path = os.path.join(graphs.folder, "cosines.json")
    known = read_measured(path, "cosines")
    if not set(missing) <= set(known):
        probes = graphs.probes()
        towers = {probe.tower: graphs.model(probe.tower) for probe in probes}
        known = least_cosines(probes, towers, missing)
        write_measured(path, "cosines", known)
    return known
