"""Encodes with OpenVINO on the processor: the engine where no graphics card is used.

The first texts of a process go to `words` where the model has such a tower, and OpenVINO is not
even imported for them. Torch and open_clip are not imported when there are graphs of the model
and its tokenizer is open_clip's own.
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
"""After so many texts OpenVINO would have saved the time that it takes to load (asking.py)."""
_TOKENS_AT_ONCE = 1024
_LEAST_BATCH = 64
_LARGEST_BATCH = 512

Tokenize = Callable[[Sequence[str]], NDArray[np.int64]]


class OpenVinoEncoder:
    """An exported model. Each tower is compiled when it is first needed."""

    def __init__(
        self, files: ModelFiles, fingerprint: str, graphs: Graphs, precision: str = ""
    ) -> None:
        """Run in `precision`, or in the fastest that stays equal to open_clip."""
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
        self._words = graphs.words()
        self._words_taken = 0
        self._tokenize: Tokenize | None = None

    @property
    def spec(self) -> ModelSpec:
        """What the model is."""
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


def light_tokenizer(files: Sequence[str], context_length: int, cleaning: str) -> Tokenize:
    """Return a tokenizer that needs no torch: open_clip's own, or that of a model's files.

    Raises ValueError or MissingExtra when those files need more than that.
    """
    if files:
        from retrieval.encoders.texts.pieces import PieceTokenizer

        return PieceTokenizer(files, context_length, cleaning)
    from retrieval.encoders.texts.bpe import BpeTokenizer

    return BpeTokenizer(bpe_vocabulary(), context_length, cleaning)


def choose_precision(graphs: Graphs) -> str:
    """Return the fastest precision in which the model stays equal to open_clip's.

    Measured when a model is first opened on a processor, which takes a few seconds then.
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
    """Return how equal those precisions are that the machine which exported it does not have."""
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
