"""Measure indexing speed, compared with other programs, and the stages of Pixtrieve's time.

    python benchmarks/indexing.py [--web N] [--photos N] [--pictures DIR] [--peers NAME …]
        [--devices NAME …] [--rounds N]

Every program encodes the same pictures with the same network (ViT-B-32-256 with random weights)
into an empty index, as a whole process from the shell. This includes the time to start and to
compile or load the network. So each program also indexes one picture, and the rate without the
start is (N - 1) / (seconds for N - seconds for one). Pictures and programs are in the page cache.

The second part runs in one process. It gives the share of each stage, and compares the run with
the network's own limit: the same encoder in a loop that only encodes batches.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from bench import (
    PIXTRIEVE,
    BenchmarkError,
    Machine,
    Program,
    Ran,
    begin,
    interleaved,
    median_seconds,
    model_of,
    note,
    options,
    print_table,
    ratio,
    run,
)
from peers import PEERS, Peer, Rclip, peer_or_none
from pictures import mean_size, photographs, read_through, web_pictures

from retrieval import Library, Progress
from retrieval.encoders import Encoder, identify, open_encoder
from retrieval.encoders.compiled.calibrations import read_calibration

_DEVICES = ("cpu:f32", "cpu:bf16", "cpu:int8")
_LIMIT_S = 3.0


class Pixtrieve:
    """`pixtrieve index` with a new library."""

    def __init__(self, model: str, device: str) -> None:
        self.name = f"pixtrieve {device}"
        self.device = device
        self._model = model

    def index(self, pictures: str, out: str) -> Program:
        """Index a folder."""
        how = ("--library", f"{out}/library", "--model", self._model, "--device", self.device)
        return Program((*PIXTRIEVE, "index", pictures, *how))

    def count(self, out: str) -> int:
        """Return the number of pictures in the library."""
        with Library.open(f"{out}/library") as library:
            return library.status().counts.images

    def check(self) -> None:
        """Raise BenchmarkError if the encoder fell back to another precision."""
        if self.device.endswith("int8"):
            calibration = read_calibration(identify(self._model).fingerprint)
            if calibration is None or not calibration.good:
                raise BenchmarkError(f"int8 was not accurate enough or not tried: {calibration}")


Contender = Pixtrieve | Peer


def contenders(arguments: argparse.Namespace, model: str) -> list[Contender]:
    """Return the programs to compare."""
    field: list[Contender] = [Pixtrieve(model, device) for device in arguments.devices]
    for name in () if arguments.without_peers else arguments.peers:
        peer = peer_or_none(PEERS[name], arguments.cache)
        if peer is not None:
            field.append(peer)
    return field


def timed(contender: Contender, pictures: str, wanted: int) -> Ran:
    """Index a folder into an empty index; BenchmarkError when pictures are missing from it."""
    with tempfile.TemporaryDirectory() as out:
        ran = run(contender.index(pictures, out))
        if contender.count(out) != wanted:
            raise BenchmarkError(f"{contender.count(out)} of {wanted} pictures were encoded")
    return ran


def is_ready(contender: Contender, pictures: str, count: int) -> bool:
    """Run a program once, so that its caches exist; return whether it works, and log why not."""
    note(f"preparing {contender.name}")
    try:
        timed(contender, pictures, count)
        if isinstance(contender, Pixtrieve):
            contender.check()
    except BenchmarkError as error:
        note(f"skipped {contender.name}: {error}")
        return False
    return True


def compare(what: str, pictures: str, field: list[Contender], rounds: int) -> list[Contender]:
    """Measure all contenders on a folder and print the table; return those that work."""
    count = read_through(pictures)
    field = [contender for contender in field if is_ready(contender, pictures, count)]
    with tempfile.TemporaryDirectory() as single:
        shutil.copy(next(os.scandir(pictures)).path, single)
        calls = {}
        for contender in field:
            calls[f"{contender.name}, one"] = partial(timed, contender, single, 1)
            calls[contender.name] = partial(timed, contender, pictures, count)
        machine = Machine()
        runs = interleaved(rounds, calls)
    size = f"mean {mean_size(pictures) / 1e6:.2f} MB"
    print_table(
        f"Indexing {count:,} {what} ({size}): median of {rounds}, {machine.line()}",
        ("program", "one, s", "all, s", "pictures/s", "to rclip", "without start", "to rclip"),
        _rates([contender.name for contender in field], runs, count),
    )
    return field


def _rates(names: list[str], runs: dict[str, list[Ran]], count: int) -> Iterator[list[str]]:
    """Yield a row of the table for each program."""
    one = {name: median_seconds(runs[f"{name}, one"]) for name in names}
    all_ = {name: median_seconds(runs[name]) for name in names}
    whole = {name: count / all_[name] for name in names}
    # On a busy machine, one picture can take longer than all.
    alone = {
        name: (count - 1) / (all_[name] - one[name]) if all_[name] > one[name] else math.nan
        for name in names
    }
    for name in names:
        yield [
            name,
            f"{one[name]:.2f}",
            f"{all_[name]:.2f}",
            f"{whole[name]:.1f}",
            ratio(whole[name], whole.get(Rclip.name)),
            f"{alone[name]:.1f}",
            ratio(alone[name], alone.get(Rclip.name)),
        ]


@dataclass(frozen=True, slots=True)
class Watched:
    """One run in this process, and the network's own limit just after it, in pictures/s."""

    report: Progress
    limit: float


def watched(encoder: Encoder, pictures: str) -> Watched:
    """Index a folder into a new library with a loaded encoder."""
    with tempfile.TemporaryDirectory() as out, Library.create(f"{out}/library", encoder) as library:
        report = library.add(pictures)
    return Watched(report, limit(encoder))


def limit(encoder: Encoder, seconds: float = _LIMIT_S) -> float:
    """Return the pictures per second that the network encodes in a loop without other work."""
    size = encoder.spec.preprocessing.size
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (encoder.batch_size, *size, 3), np.uint8)
    encoder.encode_images(pixels)
    started, encoded = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        encoder.encode_images(pixels)
        encoded += len(pixels)
    return encoded / (time.perf_counter() - started)


def stages(what: str, pictures: str, encoders: dict[str, Encoder], rounds: int) -> None:
    """Measure the stages and print the table."""
    read_through(pictures)
    for encoder in encoders.values():
        limit(encoder)  # compiles the network
    machine = Machine()
    calls = {name: partial(watched, encoder, pictures) for name, encoder in encoders.items()}
    runs = interleaved(rounds, calls)
    print_table(
        f"Stages, {what}: the median run of {rounds}, {machine.line()}",
        ("device", "run, s", "encode", "wait", "commit", "cache", "rest", "hash, ms", "decode, ms",
         "encode/s", "limit/s", "encode/limit", "run/limit"),
        (_shares(name, runs[name]) for name in encoders),
    )  # fmt: skip


def _shares(name: str, runs: list[Watched]) -> list[str]:
    """Return a row: shares of the run, and milliseconds of one thread per picture."""
    report = sorted(runs, key=lambda run: run.report.seconds)[len(runs) // 2].report
    network = statistics.median(run.limit for run in runs)
    spent, encoded = report.spent, report.tally.encoded
    own = (spent.encode, spent.wait, spent.commit, spent.cache)
    rest = report.seconds - sum(own)
    return [
        name,
        f"{report.seconds:.2f}",
        *(f"{seconds / report.seconds:.1%}" for seconds in (*own, rest)),
        *(f"{1000 * seconds / encoded:.2f}" for seconds in (spent.hash, spent.decode)),
        f"{encoded / spent.encode:.1f}",
        f"{network:.1f}",
        f"{encoded / spent.encode / network:.0%}",
        f"{encoded / report.seconds / network:.0%}",
    ]


def main() -> None:
    """Measure and print the tables."""
    parser = options(__doc__)
    parser.add_argument("--web", type=int, default=400, help="number of web pictures (%(default)s)")
    parser.add_argument(
        "--photos", type=int, default=80, help="number of 12-megapixel pictures (%(default)s)"
    )
    parser.add_argument("--pictures", metavar="DIR", help="use these pictures instead")
    parser.add_argument("--devices", nargs="+", default=_DEVICES, help="(%(default)s)")
    parser.add_argument(
        "--peers", nargs="+", choices=PEERS, default=list(PEERS), help="compare with these (all)"
    )
    arguments = begin(parser)
    model = model_of(arguments)
    folders = {"pictures": os.path.abspath(arguments.pictures)} if arguments.pictures else {}
    if not folders and arguments.web:
        folders["web pictures"] = web_pictures(arguments.cache, arguments.web)
    if not arguments.pictures and arguments.photos:
        folders["12-megapixel photographs"] = photographs(arguments.cache, arguments.photos)
    field = contenders(arguments, model)
    for what, folder in folders.items():
        field = compare(what, folder, field, arguments.rounds)
    devices = [contender.device for contender in field if isinstance(contender, Pixtrieve)]
    if not devices:
        raise SystemExit("Pixtrieve itself could not be measured")
    encoders = {device: open_encoder(model, device=device) for device in devices}
    for what, folder in folders.items():
        stages(what, folder, encoders, arguments.rounds)


if __name__ == "__main__":
    main()
