"""What models to choose from cost on this processor: speed, memory, disk, preparing, asking.

    python benchmarks/models.py [ARCHITECTURE …] [--model BASE] [--rounds N]

Weights are random, for what they say does not matter here; tokenizers that come from the hub are
stood in for by made-up ones of as many pieces. Every model is exported to float32, which every
processor has, indexes pictures, is asked in words, and is deleted before the next: one at a time
is on disk. The base, ViT-B-32-256, is measured turn by turn with each, so that ratios hold where
seconds do not.
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
from retrieval.encoders.models.registry import located

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
    """What was measured of a model; `weights` are bytes."""

    weights: int
    export: Ran
    speeds: list[Speed] = field(default_factory=list)
    indexing: list[Ran] = field(default_factory=list)
    questions: list[Ran] = field(default_factory=list)

    def since(self, run: int) -> Costs:
        """Return what was measured from a run on."""
        later = self.speeds[run:], self.indexing[run:], self.questions[run:]
        return Costs(self.weights, self.export, *later)

    @property
    def rate(self) -> float:
        """Pictures a second."""
        return statistics.median(speed.rate for speed in self.speeds)

    @property
    def processor(self) -> float:
        """Milliseconds of one core for a picture."""
        return 1000 * statistics.median(speed.processor for speed in self.speeds)


class Model:
    """An architecture with random weights, or a model that is on disk, exported anew."""

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
        self.costs = Costs(os.path.getsize(located(self._reference).weights), exported)
        if refusal := read_refusal(self._fingerprint, version("openvino")):
            raise BenchmarkError(f"{name} runs on torch: {refusal}")

    def measure(self, pictures: str, count: int) -> None:
        """Encode, index and ask once each."""
        self.costs.speeds.append(_speed(self._reference, count))
        with tempfile.TemporaryDirectory() as out:
            where = ("--library", os.path.join(out, "library"))
            index = (*PIXTRIEVE, "index", pictures, *where, "--model", self._reference, *_DEVICE)
            self.costs.indexing.append(run(Program(index)))
            with Library.open(where[1]) as library:
                if (found := library.status().counts.images) != count:
                    raise BenchmarkError(f"{found} of {count} pictures were indexed")
            ask = (*PIXTRIEVE, "search", "two dogs on a beach", *where, *_DEVICE)
            run(Program(ask))  # compiles what it needs
            self.costs.questions.append(run(Program(ask)))
        note(f"    {self.costs.speeds[-1]}, {self.costs.indexing[-1]}, {self.costs.questions[-1]}")

    def delete(self) -> None:
        """Give the disk back."""
        shutil.rmtree(folder_of(self._fingerprint), ignore_errors=True)
        if self._made:
            os.remove(self._made)


def _speed(reference: str, count: int) -> Speed:
    """Encode as many pictures at a time, again and again for a while."""
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
    """Measure a model and the base in turn, delete it, and return its line."""
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
    """Return the line of a model, beside the base as it was measured in turn with it."""
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
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("architectures", nargs="*", help="(the presets, and others like them)")
    parser.add_argument("--count", type=int, default=32, help="so many pictures (%(default)s)")
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
            note(f"left out: {error}")
    table.insert(0, row(base_name, base.costs, base.costs))
    print_table(
        f"Costs of models, cpu:f32: median of {arguments.rounds}, {machine.line()}", _HEAD, table
    )


if __name__ == "__main__":
    main()
