"""Measure how fast a graphics card encodes pictures, its utilisation, and the bottleneck.

    python benchmarks/card.py [--device NAME] [--models NAME …] [--batches N …] [--rounds N]

For each network (random weights) and each batch size, this measures the pictures per second of
Pixtrieve's encoder, from bytes to unit vectors, and two of its parts alone: copying the bytes to
the card, and the network. Torch counts the network's operations. A product of two large matrices
in the same precision measures the card's own rate. The bound is the part that takes longest;
"host" is everything else.

The last table is the rate of decoding web pictures, on one core and on all.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from bench import (
    BenchmarkError,
    Machine,
    begin,
    interleaved,
    note,
    options,
    print_table,
    random_weights,
)
from pictures import web_pictures
from torch.utils.flop_counter import FlopCounterMode

from retrieval import Preprocessing, ReadLimits
from retrieval.encoders import open_encoder
from retrieval.encoders.openclip import OpenClipEncoder
from retrieval.images.decoding import decode

_MODELS = ("ViT-B-32", "ViT-L-14")
_BATCHES = (16, 32, 64, 128, 256, 512, 1024)
_SIDES = {"cuda": 8192, "mps": 4096, "cpu": 1024}
_LEAST_S = 0.5
_WEB = 200


@dataclass(frozen=True, slots=True)
class Parts:
    """Seconds for one batch: all of it, and two of its parts alone."""

    whole: float
    copy: float
    network: float

    @property
    def bound(self) -> str:
        """The part that takes longest."""
        host = self.whole - self.copy - self.network
        parts = {"copy": self.copy, "network": self.network, "host": host}
        return max(parts, key=lambda name: parts[name])


def seconds(call: Callable[[], object]) -> float:
    """Return the seconds of a warm call on its device, averaged over at least half a second."""
    call()
    _finish()
    started, calls = time.perf_counter(), 0
    while calls < 2 or time.perf_counter() - started < _LEAST_S:
        call()
        _finish()
        calls += 1
    return (time.perf_counter() - started) / calls


def _finish() -> None:
    """Wait until the card has finished."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


def matrix_rate(encoder: OpenClipEncoder) -> float:
    """Return the floating-point operations per second of one large matrix product."""
    side = _SIDES[encoder.device]
    one, other = (torch.randn(side, side, device=encoder.device) for _ in range(2))

    def multiply() -> None:
        with torch.inference_mode(), encoder.autocast():
            torch.mm(one, other)

    with torch.inference_mode(), encoder.autocast():
        # In the precision of the result, so that this measures no conversion.
        kind = torch.mm(one, other).dtype
        one, other = one.to(kind), other.to(kind)
    return 2 * side**3 / seconds(multiply)


def operations(encoder: OpenClipEncoder) -> int:
    """Return the image tower's floating-point operations for one picture."""
    height, width = encoder.spec.preprocessing.size
    planes = torch.zeros(1, 3, height, width, device=encoder.device)
    # Torch counts the operations of this kind of attention only.
    torch.backends.mha.set_fastpath_enabled(value=False)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        encoder.model.encode_image(planes)
    torch.backends.mha.set_fastpath_enabled(value=True)
    return int(counter.get_total_flops())


def timed(encoder: OpenClipEncoder, batch: int) -> Parts | None:
    """Measure a batch; None when it does not fit into the device's memory."""
    height, width = encoder.spec.preprocessing.size
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (batch, height, width, 3), np.uint8)
    host = torch.from_numpy(pixels)
    planes = torch.rand(batch, 3, height, width, device=encoder.device)

    def network() -> None:
        with torch.inference_mode(), encoder.autocast():
            encoder.model.encode_image(planes)

    def copy() -> None:
        source = host.pin_memory() if encoder.device == "cuda" else host.clone()
        source.to(encoder.device)

    try:
        return Parts(
            whole=seconds(lambda: encoder.encode_images(pixels)),
            copy=seconds(copy),
            network=seconds(network),
        )
    except torch.OutOfMemoryError:
        return None


def measured(
    name: str, encoder: OpenClipEncoder, batches: list[int], rounds: int
) -> Iterator[list[str]]:
    """Yield a row for each batch size."""
    rate, work = matrix_rate(encoder), operations(encoder)
    note(f"{name}: {work / 1e9:.1f} GFLOP per picture; matrix rate {rate / 1e12:.2f} TFLOP/s")
    runs = interleaved(rounds, {str(batch): partial(timed, encoder, batch) for batch in batches})
    for batch in batches:
        found = [run for run in runs[str(batch)] if run is not None]
        if not found:
            yield [name, str(batch), "does not fit", *[""] * 6]
            continue
        parts = sorted(found, key=lambda run: run.whole)[len(found) // 2]
        alone = batch / parts.network
        yield [
            name,
            f"{batch} (chosen)" if batch == encoder.batch_size else str(batch),
            f"{batch / parts.whole:.0f}",
            f"{1000 * parts.whole:.1f}",
            f"{1000 * parts.copy:.1f}",
            f"{1000 * parts.network:.1f}",
            f"{alone * work / 1e12:.2f}",
            f"{alone * work / rate:.0%}",
            parts.bound,
        ]


def feeding(folder: str, preprocessing: Preprocessing, rounds: int) -> tuple[float, float]:
    """Return the web pictures per second that one thread, and one per core, decode."""
    files = []
    for entry in os.scandir(folder):
        with open(entry.path, "rb") as file:
            files.append(file.read())

    def rate(threads: int) -> float:
        started = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(lambda data: decode(io.BytesIO(data), preprocessing, limits), files):
                pass
        return len(files) / (time.perf_counter() - started)

    limits = ReadLimits()
    counts = (1, os.cpu_count() or 1)
    runs = interleaved(rounds, {f"{number} threads": partial(rate, number) for number in counts})
    one, all_ = (statistics.median(runs[f"{number} threads"]) for number in counts)
    return one, all_


def opened(arguments: argparse.Namespace) -> Iterator[tuple[str, OpenClipEncoder]]:
    """Yield the networks to measure."""
    if arguments.model:
        references = {arguments.model: arguments.model}
    else:
        weights = {name: random_weights(arguments.cache, name) for name in arguments.models}
        references = {name: f"{name}@{file}" for name, file in weights.items()}
    for name, reference in references.items():
        encoder = open_encoder(reference, device=arguments.device)
        if not isinstance(encoder, OpenClipEncoder):
            raise BenchmarkError(f"{arguments.device} is neither a graphics card nor torch")
        yield name, encoder


def main() -> None:
    """Measure and print the tables."""
    parser = options(__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, mps or torch (%(default)s)")
    parser.add_argument("--models", nargs="+", default=_MODELS, help="(%(default)s)")
    parser.add_argument("--batches", nargs="+", type=int, default=_BATCHES, help="(%(default)s)")
    arguments = begin(parser)
    machine = Machine()
    rows: list[list[str]] = []
    fed: list[list[str]] = []
    web = web_pictures(arguments.cache, _WEB)
    for name, encoder in opened(arguments):
        rows += measured(name, encoder, arguments.batches, arguments.rounds)
        one, all_ = feeding(web, encoder.spec.preprocessing, arguments.rounds)
        fed.append([name, f"{one:.0f}", f"{all_:.0f}"])
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else arguments.device
    print_table(
        f"Encoding pictures on {device}: median of {arguments.rounds}, {machine.line()}",
        ("network", "at a time", "pictures/s", "whole, ms", "copy, ms", "network, ms",
         "network, TFLOP/s", "of the matrix rate", "bound"),
        rows,
    )  # fmt: skip
    head = ("for", "pictures/s, one thread", f"{os.cpu_count()} threads")
    print_table("Decoding web pictures", head, fed)


if __name__ == "__main__":
    main()
