"""Measure recall and speed of each precision, compared with open_clip on torch in float32.

    python benchmarks/precision.py [--captions FILE] [--model MODEL] [--rounds N]

The captions have the format of `pixtrieve evaluate`; by default they are the Flickr8k development
photographs in the folder PIXTRIEVE_DATA. The default model is the built-in one.

Recall at 10 is that of `pixtrieve evaluate`. Cosines compare each picture's vector with torch's.
The tower's speed is that of `encode_images` with batches of its preferred size, alternating with
the others. Its limit is the same network in a loop that only repeats the same inputs. Processor
time is summed over cores; it hardly depends on other load.

cpu:int8 is calibrated on some of the same pictures, unless a calibration exists.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from bench import (
    BenchmarkError,
    Machine,
    begin,
    interleaved,
    note,
    options,
    print_table,
    ratio,
)
from numpy.typing import NDArray

from retrieval.encoders import Encoder, open_encoder
from retrieval.encoders.compiled.calibrations import calibration_folder, read_calibration
from retrieval.encoders.compiled.openvino import OpenVinoEncoder, choose_precision
from retrieval.encoders.compiled.proofs import native_precisions
from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.evaluation.captions import CaptionedPicture, read_captions
from retrieval.evaluation.metrics import Evaluation, evaluate
from retrieval.images import Problem, ReadLimits
from retrieval.images.decoding import read_picture
from retrieval.indexing.calibration import calibrate, pictures_wanted
from retrieval.indexing.progress import IndexOptions
from retrieval.vectors import as_stored

_ROUND_S = 1.0
_REFERENCE = "torch"
_LOOP = " alone"
_LOOP_ROWS = 16
_LOOP_TURNS = 4
_HEAD = (
    "device",
    "R@10",
    "difference",
    "cosine, mean",
    "least",
    "images/s",
    "to torch",
    "processor ms",
    "of its limit",
)


@dataclass(frozen=True, slots=True)
class Speed:
    """Pictures per second, and processor seconds per picture."""

    rate: float
    processor: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One device: its encoder, its vectors (n, dim) and their recall."""

    encoder: Encoder
    vectors: NDArray[np.float32]
    evaluation: Evaluation


def pixels_of(pictures: list[CaptionedPicture], encoder: Encoder) -> NDArray[np.uint8]:
    """Return all pictures at the model's size."""
    limits = ReadLimits(exact=True)
    found = []
    for picture in pictures:
        read = read_picture(picture.file, encoder.spec.preprocessing, limits, lambda _: True)
        if isinstance(read, Problem) or read.pixels is None:
            raise BenchmarkError(f"{picture.file} cannot be read")
        found.append(read.pixels)
    return np.stack(found)


def batches(pixels: NDArray[np.uint8], size: int) -> Iterator[NDArray[np.uint8]]:
    """Yield batches of exactly `size` pictures, endlessly."""
    start = 0
    while True:
        yield np.take(pixels, range(start, start + size), axis=0, mode="wrap")
        start = (start + size) % len(pixels)


def timed(some: Callable[[], int]) -> Speed:
    """Measure a function that encodes some pictures and returns their number, for a few seconds."""
    count, started, processor = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < _ROUND_S:
        count += some()
    rate = count / (time.perf_counter() - started)
    return Speed(rate, (time.process_time() - processor) / count)


def encoding(encoder: Encoder, pixels: NDArray[np.uint8]) -> Callable[[], int]:
    """Return a function that encodes one batch."""
    source = batches(pixels, encoder.batch_size)
    ready = [next(source) for _ in range(2)]

    def once() -> int:
        for batch in ready:
            encoder.encode_images(batch)
        return sum(map(len, ready))

    return once


def looping(device: str, encoder: Encoder, pixels: NDArray[np.uint8]) -> Callable[[], int]:
    """Return a function that only runs the device's compiled image tower."""
    fingerprint = encoder.spec.fingerprint
    record = read_calibration(fingerprint) if device == "cpu:int8" else None
    assert isinstance(encoder, OpenVinoEncoder)
    graphs = encoder.graphs
    tower = graphs.placement("image", "f32").file
    if record and record.good:
        tower = os.path.join(calibration_folder(fingerprint), "image.xml")
    named = device.removeprefix("cpu:")
    settings = {
        "INFERENCE_PRECISION_HINT": (choose_precision(graphs) if named == "int8" else named),
        "PERFORMANCE_HINT": "THROUGHPUT",
    }
    compiled = load_openvino().Core().compile_model(tower, "CPU", settings)
    count: int = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    requests = [compiled.create_infer_request() for _ in range(count)]
    inputs = np.take(pixels, range(_LOOP_ROWS), axis=0, mode="wrap")

    def once() -> int:
        for number in range(_LOOP_TURNS * count):
            request = requests[number % count]
            if number >= count:
                request.wait()
            request.start_async({0: inputs})
        for request in requests:
            request.wait()
        return _LOOP_ROWS * _LOOP_TURNS * count

    return once


def measured(
    device: str, model: str, pictures: list[CaptionedPicture], pixels: NDArray[np.uint8]
) -> Measured:
    """Encode all pictures and captions on a device."""
    note(f"encoding with {device}")
    encoder = open_encoder(model, device=device)
    if wanted := pictures_wanted(encoder):
        files = [picture.file for picture in pictures]
        calibrate(encoder, lambda: files, wanted, IndexOptions(limits=ReadLimits(exact=True)))
    size = encoder.batch_size
    vectors = np.concatenate(
        [encoder.encode_images(pixels[at : at + size]) for at in range(0, len(pixels), size)]
    )
    texts = [text for picture in pictures for text in picture.captions]
    captions = np.concatenate(
        [encoder.encode_texts(texts[at : at + 256]) for at in range(0, len(texts), 256)]
    )
    owner = np.repeat(np.arange(len(pictures)), [len(p.captions) for p in pictures])
    return Measured(encoder, vectors, evaluate(as_stored(vectors), captions, owner))


def speeds(
    devices: dict[str, Measured], pixels: NDArray[np.uint8], rounds: int
) -> dict[str, list[Speed]]:
    """Measure each encoder and each exported tower by itself, alternately."""
    calls = {}
    for device, found in devices.items():
        calls[device] = encoding(found.encoder, pixels)
        if device != _REFERENCE:
            calls[device + _LOOP] = looping(device, found.encoder, pixels)
    for call in calls.values():
        call()  # compiles lazily compiled parts before the measurement
    contenders = {name: lambda call=call: timed(call) for name, call in calls.items()}
    return interleaved(rounds, contenders)


def rows(devices: dict[str, Measured], times: dict[str, list[Speed]]) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table."""
    exact = devices[_REFERENCE]
    recall = exact.evaluation.text_to_image.recall[10]
    rates = {name: statistics.median(run.rate for run in runs) for name, runs in times.items()}
    for device, found in devices.items():
        cosines = (found.vectors * exact.vectors).sum(axis=1)
        here = found.evaluation.text_to_image.recall[10]
        processor = statistics.median(run.processor for run in times[device])
        limit = rates.get(device + _LOOP)
        yield (
            device,
            f"{here:.4f}",
            f"{here - recall:+.4f}",
            f"{cosines.mean():.5f}",
            f"{cosines.min():.5f}",
            f"{rates[device]:.1f}",
            ratio(rates[device], rates[_REFERENCE]),
            f"{1000 * processor:.2f}",
            "" if limit is None else f"{100 * rates[device] / limit:.0f} %",
        )


def captions_of(arguments: argparse.Namespace) -> str:
    """Return the path of the captions."""
    data = os.environ.get("PIXTRIEVE_DATA")
    if arguments.captions:
        return str(arguments.captions)
    if not data:
        raise BenchmarkError("there are no captions: use --captions FILE or set PIXTRIEVE_DATA")
    return os.path.join(data, "flickr8k-dev", "captions.jsonl")


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument("--captions", metavar="FILE", help="captions of pictures, as JSON lines")
    arguments = begin(parser)
    model = arguments.model or "pocket"
    machine = Machine()
    pictures = read_captions(captions_of(arguments))
    pixels = pixels_of(pictures, open_encoder(model, device=_REFERENCE))
    names = (_REFERENCE, *(f"cpu:{name}" for name in (*reversed(native_precisions()), "int8")))
    found = {name: measured(name, model, pictures, pixels) for name in names}
    if len({each.encoder.spec.fingerprint for each in found.values()}) > 1:
        raise BenchmarkError(f"the model {model} changed during the measurement")
    times = speeds(found, pixels, arguments.rounds)
    print_table(
        f"{model}: {len(pictures):,} pictures, {machine.line()}",
        _HEAD,
        rows(found, times),
    )
    record = read_calibration(found[_REFERENCE].encoder.spec.fingerprint)
    if record is not None:
        print(
            f"\nint8 was calibrated on {record.pictures} pictures; {record.checked} others: cosine "
            f"{record.mean_cosine:.5f} on average, {record.least_cosine:.5f} at least, likeness "
            f"{record.mean_likeness:.5f}{'' if record.good else ' (refused)'}"
        )


if __name__ == "__main__":
    main()
