"""Measure the costs of models on this processor: speed, memory, disk, export and search time.

    python benchmarks/models.py [ARCHITECTURE …] [--model BASE] [--rounds N]

Weights are random, because costs do not depend on them. Artificial tokenizers with the same number
of pieces replace those from the hub. Every model is exported to float32, which every processor
supports, indexes pictures, answers a text query, and is deleted before the next one, so only one is
on disk at a time. Measurements alternate with the base, ViT-B-32-256, because ratios are more
reliable than seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
from bench import (
    ARCHITECTURE,
    PIXTRIEVE,
    BenchmarkError,
    Machine,
    Program,
    Ran,
    begin,
    median_peak,
    median_seconds,
    note,
    options,
    print_table,
    random_weights,
    ratio,
    run,
)
from pictures import web_pictures
from precision import Speed, timed
from vocabularies import stand_in_tokenizer

from retrieval import Library
from retrieval.encoders import identify, open_encoder
from retrieval.encoders.compiled.exports import folder_of, read_refusal
from retrieval.encoders.models import tables
from retrieval.encoders.models.presets import PRESETS
from retrieval.encoders.models.references import parse
from retrieval.encoders.models.registry import require_files

_DEVICE = ("--device", "cpu:f32")
_CANDIDATES = (
    "PE-Core-T-16-384", "PE-Core-S-16-384", "PE-Core-B-16", "PE-Core-L-14-336",
    "ViT-B-32-SigLIP2-256", "ViT-B-16-SigLIP2", "ViT-B-16-SigLIP2-256", "ViT-L-16-SigLIP2-256",
    "MobileCLIP2-S0", "MobileCLIP2-S2", "MobileCLIP2-B", "MobileCLIP2-S3", "MobileCLIP2-S4",
    "MobileCLIP2-L-14", "ViT-L-14-worldwide",
)  # fmt: skip
_HEAD = (
    "model", "weights, MB", "export, s", "its peak, MB", "pictures/s", "to the base", "core ms",
    "to the base", "index peak, MB", "to the base", "question, s", "to the base", "its peak, MB",
)  # fmt: skip
_EXPORT = """
import sys
from retrieval.encoders import open_encoder
open_encoder(sys.argv[1], device="cpu:f32")
"""


@dataclass(slots=True)
class Costs:
    """The measurements of a model; `weights` are bytes."""

    weights: int
    export: Ran
    speeds: list[Speed] = field(default_factory=list)
    indexing: list[Ran] = field(default_factory=list)
    questions: list[Ran] = field(default_factory=list)

    def since(self, run: int) -> Costs:
        """Return the measurements from the run number `run` on."""
        later = self.speeds[run:], self.indexing[run:], self.questions[run:]
        return Costs(self.weights, self.export, *later)

    @property
    def rate(self) -> float:
        """Median pictures per second."""
        return statistics.median(speed.rate for speed in self.speeds)

    @property
    def processor(self) -> float:
        """Median milliseconds of one core per picture."""
        return 1000 * statistics.median(speed.processor for speed in self.speeds)


class Model:
    """An architecture with random weights, or a model on disk, exported again."""

    def __init__(self, name: str, cache: str) -> None:
        self._made = ""
        if name in tables.architectures():
            stand_in_tokenizer(tables.architecture(name))
            self._made = random_weights(cache, name)
        self._reference = f"{name}@{self._made}" if self._made else name
        self._fingerprint = identify(self._reference).fingerprint
        shutil.rmtree(folder_of(self._fingerprint), ignore_errors=True)
        note(f"preparing {name}")
        exported = run(Program((sys.executable, "-c", _EXPORT, self._reference)))
        note(f"    {exported}")
        self.costs = Costs(os.path.getsize(require_files(self._reference).weights), exported)
        if refusal := read_refusal(self._fingerprint, version("openvino")):
            raise BenchmarkError(f"{name} runs on torch: {refusal}")

    def measure(self, pictures: str, count: int) -> None:
        """Encode, index and search once each."""
        self.costs.speeds.append(_speed(self._reference, count))
        with tempfile.TemporaryDirectory() as out:
            where = ("--library", os.path.join(out, "library"))
            index = (*PIXTRIEVE, "index", pictures, *where, "--model", self._reference, *_DEVICE)
            self.costs.indexing.append(run(Program(index)))
            with Library.open(where[1]) as library:
                if (found := library.status().counts.images) != count:
                    raise BenchmarkError(f"{found} of {count} pictures were indexed")
            ask = (*PIXTRIEVE, "search", "two dogs on a beach", *where, *_DEVICE)
            run(Program(ask))  # compiles the text tower
            self.costs.questions.append(run(Program(ask)))
        note(f"    {self.costs.speeds[-1]}, {self.costs.indexing[-1]}, {self.costs.questions[-1]}")

    def delete(self) -> None:
        """Delete the model's files."""
        shutil.rmtree(folder_of(self._fingerprint), ignore_errors=True)
        if self._made:
            os.remove(self._made)


def _speed(reference: str, count: int) -> Speed:
    """Measure the encoding of batches of `count` pictures for a few seconds."""
    encoder = open_encoder(reference, device=_DEVICE[1])
    height, width = encoder.spec.preprocessing.size
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)
    encoder.encode_images(pixels[:2])  # compiles it

    def once() -> int:
        encoder.encode_images(pixels)
        return count

    return timed(once)


def beside_base(
    name: str, base: Model, arguments: argparse.Namespace, pictures: str
) -> tuple[str, ...]:
    """Measure a model alternately with the base, delete it, and return its row."""
    model = Model(name, arguments.cache)
    before = len(base.costs.speeds)
    try:
        for _ in range(arguments.rounds):
            base.measure(pictures, arguments.count)
            model.measure(pictures, arguments.count)
    finally:
        model.delete()
    line = row(name, model.costs, base.costs.since(before))
    note(" | ".join(line))
    return line


def row(name: str, costs: Costs, base: Costs) -> tuple[str, ...]:
    """Return the row of a model, relative to the base measured alternately with it."""
    asked, asked_base = median_seconds(costs.questions), median_seconds(base.questions)
    peak, peak_base = median_peak(costs.indexing), median_peak(base.indexing)
    return (
        name,
        f"{costs.weights / 1e6:,.0f}",
        f"{costs.export.seconds:.0f}",
        f"{costs.export.peak_mb:,.0f}",
        f"{costs.rate:.2f}",
        ratio(costs.rate, base.rate),
        f"{costs.processor:.0f}",
        ratio(costs.processor, base.processor),
        f"{peak:,.0f}",
        ratio(peak, peak_base),
        f"{asked:.2f}",
        ratio(asked, asked_base),
        f"{median_peak(costs.questions):,.0f}",
    )


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument(
        "architectures", nargs="*", help="(default: the presets and similar architectures)"
    )
    parser.add_argument("--count", type=int, default=32, help="number of pictures (%(default)s)")
    arguments = begin(parser)
    os.environ["HF_HOME"] = os.path.join(arguments.cache, "hub")
    pictures = web_pictures(arguments.cache, arguments.count)
    presets = (parse(preset.reference).name for preset in PRESETS.values())
    wanted = arguments.architectures or dict.fromkeys((*presets, *_CANDIDATES))
    machine = Machine()
    base_name = arguments.model or ARCHITECTURE
    base = Model(base_name, arguments.cache)
    table = []
    for name in wanted:
        try:
            table.append(beside_base(name, base, arguments, pictures))
        except BenchmarkError as error:
            note(f"skipped: {error}")
    table.insert(0, row(base_name, base.costs, base.costs))
    print_table(
        f"Costs of models, cpu:f32: median of {arguments.rounds}, {machine.line()}", _HEAD, table
    )


if __name__ == "__main__":
    main()
