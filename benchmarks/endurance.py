"""Measure whether memory, descriptors and threads grow in long runs.

    python benchmarks/endurance.py [FOLDER] [--files N] [--changed N] [--queries N] [--minutes M]

Three runs, each in a process of its own that stays open: indexing many small files with a stand-in
model; indexing pictures with the built-in model while files are added, changed, renamed and
deleted, with queries between; and queries to an open library. The pictures of the second run are
drawn or from FOLDER; copies are made distinct by bytes after their end. With `--minutes`, each run
ends after that time, and the tables say how far it came. It needs Linux's /proc.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle

import numpy as np
from bench import Machine, begin, beside, note, options, print_table
from pictures import web_pictures
from PIL import Image
from standin import StandIn

from retrieval import Library
from retrieval.query import Query
from retrieval.server.library_thread import LibraryThread, Request

_SAMPLES = 40
_LEAST_SAMPLES = 5
_ROUNDS = 20
_ASKED = 1000  # pictures in the library that is asked
_WARM_UP = 0.25
"""The share of a run that is left out of the slopes: caches fill and allocators settle."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process holds after `done` steps: resident MB of 2**20 bytes, descriptors, threads."""

    done: int
    seconds: float
    megabytes: float
    descriptors: int
    threads: int


class Probe:
    """Prints samples of its own process, one JSON line each, at most one in a few seconds."""

    def __init__(self, count: int, limit_s: float) -> None:
        """Let samples be due after each share of `count` steps, and of the time limit."""
        self._step, self._limit_s = max(1, count // _SAMPLES), limit_s
        self._began = time.perf_counter()
        self._next, self._due_s = 0, 0.0

    def due(self, done: int) -> bool:
        """Print a sample if one is due; tell whether time is left."""
        seconds = time.perf_counter() - self._began
        if done >= self._next or seconds >= self._due_s:
            self(done)
            self._next, self._due_s = done + self._step, seconds + self._limit_s / _SAMPLES
        return seconds < self._limit_s

    def __call__(self, done: int) -> None:
        """Print a sample."""
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
        sample = Sample(
            done,
            time.perf_counter() - self._began,
            pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
            len(os.listdir("/proc/self/fd")),
            len(os.listdir("/proc/self/task")),
        )
        print(json.dumps(asdict(sample)), flush=True)


def many_files(place: str, count: int, limit_s: float, _: str) -> None:
    """Index `count` small files with the stand-in model."""
    folder = os.path.join(place, "files")
    small = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(small).save(out, "JPEG", quality=60)
    for number in range(count):
        if number % 1000 == 0:
            os.makedirs(os.path.join(folder, f"{number // 1000:04}"))
        with open(os.path.join(folder, f"{number // 1000:04}", f"{number:07}.jpg"), "wb") as file:
            file.write(out.getvalue() + number.to_bytes(8, "big"))
    probe = Probe(count, limit_s)
    with Library.create(os.path.join(place, "library"), StandIn(512, 224)) as library:
        for progress in library.iter_index(folder):
            if not probe.due(progress.tally.encoded):
                break


def changes(place: str, count: int, limit_s: float, source: str) -> None:
    """Index in rounds with the built-in model: files come, change, move and go between them."""
    folder, made = os.path.join(place, "pictures"), distinct(source)
    os.mkdir(folder)
    names: list[str] = []
    rounds = max(2, min(_ROUNDS, count // 20))
    probe, a_round = Probe(rounds, limit_s), count // rounds
    step = max(2, a_round // 10)
    with Library.create(os.path.join(place, "library"), "pocket") as library:
        for number in range(rounds):
            for position in range(a_round):
                names.append(f"{number:02}-{position:05}.jpg")
                with open(os.path.join(folder, names[-1]), "wb") as file:
                    file.write(next(made))
            for name in names[::step]:
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(next(made))
            for position in range(1, len(names), step):
                moved = f"moved-{number:02}-{names[position][-14:]}"
                os.replace(os.path.join(folder, names[position]), os.path.join(folder, moved))
                names[position] = moved
            for name in names[2::step]:
                os.unlink(os.path.join(folder, name))
                names.remove(name)
            library.add(folder)
            for text in ("a dog on a beach", "two children", f"a red car {number}"):
                library.search(text, 10)
            if (found := library.status().counts.files) != len(names):
                raise SystemExit(f"{found} files are indexed, {len(names)} exist")
            if not probe.due((number + 1) * a_round):
                break


def queries(place: str, count: int, limit_s: float, source: str) -> None:
    """Ask an open library `count` questions as a server does: 300 texts, and a new one in 100."""
    folder, made = os.path.join(place, "asked"), distinct(source)
    os.mkdir(folder)
    for number in range(min(count, _ASKED)):
        with open(os.path.join(folder, f"{number:04}.jpg"), "wb") as file:
            file.write(next(made))
    words = ("dog", "car", "child", "beach", "snow", "bicycle", "boat", "horse", "tree", "house")
    path = os.path.join(place, "library")
    with Library.create(path, "pocket") as library:
        library.add(folder)
    thread = LibraryThread(path, "auto")
    probe = Probe(count, limit_s)
    for number in range(count + 1):
        first, second = words[number % 10], words[number // 10 % 10]
        rare = f" {number}" if number % 100 == 0 else ""
        query = Query.of_text(f"a {first} near {number // 100 % 3} of a {second}{rare}")
        thread.ask(Request(query, partial(Library.search, asked=query, k=10))).result()
        if not probe.due(number):
            break
    thread.close()


def distinct(source: str) -> Iterator[bytes]:
    """Yield the JPEGs of a folder again and again, each time with other bytes after the end."""
    paths = sorted(entry.path for entry in os.scandir(source) if entry.name.endswith(".jpg"))
    for number, path in enumerate(cycle(paths)):
        with open(path, "rb") as file:
            yield file.read() + b"%d" % number


RUNS: dict[str, Callable[[str, int, float, str], None]] = {
    "files": many_files,
    "changes": changes,
    "queries": queries,
}


def sampled(name: str, place: str, count: int, limit_s: float, source: str) -> list[Sample]:
    """Run one of RUNS in a process of its own."""
    note(f"{name}: {count:,}")
    child = (sys.executable, beside("endurance.py"), "--child", name, place)
    given = (str(count), str(limit_s), source)
    samples = []
    with subprocess.Popen((*child, *given), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            samples.append(Sample(**json.loads(line)))
            note(f"    {samples[-1]}")
    if process.returncode:
        raise SystemExit(f"the run {name!r} failed with exit code {process.returncode}")
    return samples


def slope(samples: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    """Return the least-squares growth of a value per 100,000 steps, after the warm-up.

    NaN for a run that ended too early for a slope.
    """
    kept = [each for each in samples if each.done >= _WARM_UP * samples[-1].done]
    if len({each.done for each in kept}) < _LEAST_SAMPLES:
        return float("nan")
    steps = np.array([each.done for each in kept]) / 1e5
    return float(np.polyfit(steps, [value(each) for each in kept], 1)[0])


def bytes_of(folder: str) -> int:
    """Return the size of all files below a folder."""
    return sum(
        os.path.getsize(os.path.join(at, name))
        for at, _, names in os.walk(folder)
        for name in names
    )


def main() -> None:
    """Measure and print the tables."""
    if sys.argv[1:2] == ["--child"]:
        RUNS[sys.argv[2]](sys.argv[3], int(sys.argv[4]), float(sys.argv[5]), sys.argv[6])
        return
    parser = options(__doc__)
    parser.add_argument("pictures", nargs="?", help="a folder of JPEGs instead of drawn ones")
    parser.add_argument("--files", type=int, default=200_000, help="small files (%(default)s)")
    parser.add_argument("--changed", type=int, default=20_000, help="pictures (%(default)s)")
    parser.add_argument("--queries", type=int, default=1_000_000, help="queries (%(default)s)")
    parser.add_argument("--minutes", type=float, default=1e4, help="end each run after so long")
    arguments = begin(parser)
    few = min(400, max(arguments.changed, arguments.queries, 1))
    source = arguments.pictures or web_pictures(arguments.cache, few)
    counts = {
        "files": arguments.files,
        "changes": arguments.changed,
        "queries": arguments.queries,
    }
    machine, rows, sizes = Machine(), [], []
    for name, count in counts.items():
        if not count:
            continue
        with tempfile.TemporaryDirectory() as place:
            samples = sampled(name, place, count, 60 * arguments.minutes, source)
            last = samples[-1]
            done = max(1, last.done)
            rows.append(
                (
                    f"{name}, {done:,}",
                    f"{last.seconds:.0f} s",
                    f"{samples[0].megabytes:.0f} → {last.megabytes:.0f}",
                    f"{slope(samples, lambda each: each.megabytes):+.1f}",
                    f"{samples[0].descriptors} → {last.descriptors}",
                    f"{slope(samples, lambda each: each.descriptors):+.1f}",
                    f"{samples[0].threads} → {last.threads}",
                )
            )
            kept = bytes_of(os.path.join(place, "library")) / (
                min(count, _ASKED) if name == "queries" else done
            )
            sizes.append((f"{name}, {done:,}", f"{kept:,.0f}"))
            shutil.rmtree(os.path.join(place, "library"), ignore_errors=True)
    print_table(
        f"Long runs, {machine.line()}; growth per 100,000 steps, after a quarter of the run",
        ("run", "time", "MB", "growth", "descriptors", "growth", "threads"),
        rows,
    )
    print_table("What a library holds on disk", ("run", "bytes per picture"), sizes)


if __name__ == "__main__":
    main()
