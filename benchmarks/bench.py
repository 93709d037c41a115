"""Shared tools of the benchmarks: run programs alternately, measure them, print tables."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from retrieval.encoders.models.cache import user_cache

Result = TypeVar("Result")

PIXTRIEVE = (sys.executable, "-m", "retrieval")
ARCHITECTURE = "ViT-B-32-256"
"""The network of all programs: the only one that rclip supports."""


class BenchmarkError(Exception):
    """A measurement is impossible; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Program:
    """A command, its working folder, and environment variables in addition to this process's."""

    command: tuple[str, ...]
    folder: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ran:
    """A program's wall time in seconds and its peak resident size in MB of 2**20 bytes."""

    seconds: float
    peak_mb: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.peak_mb:.0f} MB"


# The peak includes the memory of the process that starts the program, so a small one does that.
_LAUNCHER = """
import os, sys, time
started = time.perf_counter()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
seconds = time.perf_counter() - started
with open(sys.argv[1], "w") as file:
    print(seconds, usage.ru_maxrss, os.waitstatus_to_exitcode(status), file=file)
"""


def run(program: Program) -> Ran:
    """Run a program and measure it; BenchmarkError with its output when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "result")
        done = subprocess.run(
            (sys.executable, "-I", "-S", "-c", _LAUNCHER, result, *program.command),
            cwd=program.folder,
            env={**os.environ, **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=True,
        )
        with open(result, encoding="ascii") as file:
            seconds, peak, code = file.read().split()
    if code != "0":
        said = done.stdout[-2000:].decode(errors="replace")
        raise BenchmarkError(f"{' '.join(program.command)} failed:\n{said}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Ran(float(seconds), int(peak) * unit / 2**20)


def interleaved(
    rounds: int, contenders: Mapping[str, Callable[[], Result]]
) -> dict[str, list[Result]]:
    """Call all alternately, A B A B, so that other load on the machine slows all of them equally.

    Each result is logged at once, so an interrupted run still leaves results.
    """
    results: dict[str, list[Result]] = {name: [] for name in contenders}
    for number in range(1, rounds + 1):
        for name, call in contenders.items():
            note(f"round {number} of {rounds}: {name}")
            result = call()
            results[name].append(result)
            if isinstance(result, Ran):
                note(f"    {result}")
    return results


def median_seconds(runs: Iterable[Ran]) -> float:
    """Return the median time in seconds."""
    return statistics.median(ran.seconds for ran in runs)


def median_peak(runs: Iterable[Ran]) -> float:
    """Return the median peak memory in MB."""
    return statistics.median(ran.peak_mb for ran in runs)


def ratio(value: float, base: float | None) -> str:
    """Return a value as a multiple of `base`, "" without a base."""
    return "" if base is None else f"{value / base:.2f} ×"


def note(text: str) -> None:
    """Report progress on standard error; standard output has only the tables."""
    print(f"  {text}", file=sys.stderr, flush=True)


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a Markdown table with padded columns, readable as plain text."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    print(f"\n{title}\n")
    for line in (lines[0], rule, *lines[1:]):
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print(f"| {' | '.join(cells)} |")


class Machine:
    """The processors and the load of the machine, at the start and at the end."""

    def __init__(self) -> None:
        self._load = os.getloadavg()[0]

    def line(self) -> str:
        """Return the number of processors and the one-minute load averages before and after."""
        return f"{os.cpu_count()} processors, load {self._load:.1f} → {os.getloadavg()[0]:.1f}"


def options(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of all benchmarks."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cache",
        metavar="DIR",
        type=os.path.abspath,
        default=os.path.join(tempfile.gettempdir(), "pixtrieve-benchmarks"),
        help="folder for pictures, models, libraries and peers, which later runs reuse "
        "(%(default)s)",
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="measurements of each, A B A B (%(default)s)"
    )
    parser.add_argument(
        "--without-peers", action="store_true", help="measure only Pixtrieve; install nothing"
    )
    parser.add_argument("--model", help="measure Pixtrieve with this model")
    return parser


def begin(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line; move Pixtrieve's caches of random models out of the user's cache.

    The hub's folder stays the same, because `--model` can name a fetched model.
    """
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HOME", os.path.join(user_cache(), "huggingface"))
    os.environ["XDG_CACHE_HOME"] = os.path.join(arguments.cache, "cache")
    return arguments


def made_once(path: str, make: Callable[[str], None]) -> str:
    """Return a file or folder; if it is missing, `make` creates it, atomically."""
    if not os.path.exists(path):
        note(f"making {path}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with tempfile.TemporaryDirectory(dir=os.path.dirname(path), suffix=".tmp") as beside:
            unfinished = os.path.join(beside, os.path.basename(path))
            make(unfinished)
            os.replace(unfinished, path)
    return path


def random_weights(cache: str, architecture: str = ARCHITECTURE) -> str:
    """Return the path of the random weights (safetensors) with which all programs are measured."""

    def make(path: str) -> None:
        run(Program((sys.executable, beside("random_model.py"), "weights", architecture, path)))

    return made_once(os.path.join(cache, "models", f"{architecture}.safetensors"), make)


def model_of(arguments: argparse.Namespace) -> str:
    """Return the reference of the model with which Pixtrieve is measured."""
    named: str | None = arguments.model
    return named or f"{ARCHITECTURE}@{random_weights(arguments.cache)}"


def beside(name: str) -> str:
    """Return the path of a program in this folder."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
