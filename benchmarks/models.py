"""What models to choose from cost on this processor: speed, memory, disk, preparing, asking.

    python benchmarks/models.py [ARCHITECTURE …] [--rounds N]

Weights are random, for what they say does not matter here; tokenizers that come from the hub are
stood in for by made-up ones of as many pieces. Every model is exported to float32, which every
processor has, indexes pictures, is asked in words, and is deleted before the next: one at a time
is on disk. ViT-B-32-256 is measured turn by turn with each, so that ratios hold where seconds do
not.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass, field

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
from retrieval.encoders import Encoder, identify, open_encoder
from retrieval.encoders.compiled.exports import folder_of, read_refusal
from retrieval.encoders.compiled.openvino import OpenVinoEncoder
from retrieval.encoders.models import tables
from retrieval.encoders.models.presets import PRESETS
from retrieval.encoders.models.references import parse

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

    @property
    def rate(self) -> float:
        """Pictures a second."""
        return statistics.median(speed.rate for speed in self.speeds)

    @property
    def processor(self) -> float:
        """Milliseconds of one core for a picture."""
        return 1000 * statistics.median(speed.processor for speed in self.speeds)


class Model:
    """An architecture with random weights, exported; deleted with all that came of it."""

    def __init__(self, architecture: str, cache: str) -> None:
        stand_in_tokenizer(tables.architecture(architecture))
        self._file = random_weights(cache, architecture)
        self.name = f"{architecture}@{self._file}"
        note(f"preparing {architecture}")
        exported = run(Program((sys.executable, "-c", _EXPORT, self.name)))
        note(f"    {exported}")
        self.costs = Costs(os.path.getsize(self._file), exported)
        self._fingerprint = identify(self.name).fingerprint

    def require_openvino(self, encoder: Encoder) -> None:
        """Raise BenchmarkError for a model that OpenVINO cannot express."""
        if not isinstance(encoder, OpenVinoEncoder):
            raise BenchmarkError(read_refusal(self._fingerprint, encoder.spec.fingerprint))

    def measure(self, pictures: str, count: int) -> None:
        """Encode, index and ask once each."""
        encoder = open_encoder(self.name, device=_DEVICE[1])
        self.require_openvino(encoder)
        self.costs.speeds.append(_speed(encoder, count))
        with tempfile.TemporaryDirectory() as out:
            where = ("--library", os.path.join(out, "library"))
            index = (*PIXTRIEVE, "index", pictures, *where, "--model", self.name, *_DEVICE)
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
        shutil.rmtree(folder_of(self._fingerprint))
        os.remove(self._file)


def _speed(encoder: Encoder, count: int) -> Speed:
    """Encode as many pictures at a time, again and again for a while."""
    height, width = encoder.spec.preprocessing.size
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)
    encoder.encode_images(pixels[:2])  # compiles it

    def once() -> int:
        encoder.encode_images(pixels)
        return count

    return timed(once)


def rows(costs: Costs, base: Costs, name: str) -> tuple[str, ...]:
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
    machine, table = Machine(), []
    base = Model(ARCHITECTURE, arguments.cache)
    for architecture in wanted:
        model = Model(architecture, arguments.cache)
        before = len(base.costs.speeds)
        for _ in range(arguments.rounds):
            base.measure(pictures, arguments.count)
            model.measure(pictures, arguments.count)
        here = Costs(
            base.costs.weights,
            base.costs.export,
            base.costs.speeds[before:],
            base.costs.indexing[before:],
            base.costs.questions[before:],
        )
        table.append(rows(model.costs, here, architecture))
        note(" | ".join(table[-1]))
        model.delete()
    table.insert(0, rows(base.costs, base.costs, ARCHITECTURE))
    print_table(
        f"Costs of models, cpu:f32: median of {arguments.rounds}, {machine.line()}", _HEAD, table
    )


if __name__ == "__main__":
    main()
