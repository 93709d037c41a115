"""Measure what decoding in worker processes costs, against decoding in the process itself.

    python benchmarks/isolation.py [--count N] [--rounds N] [--pictures DIR]

Web pictures (or those of DIR) are indexed with a stand-in for a model, which takes no time, and
with the built-in model. Each run is a separate process. Processor time is that of the run and of
its workers, their start included; other programs on the machine affect it less than pictures a
second.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial

from bench import Machine, begin, beside, interleaved, options, print_table
from pictures import read_through, web_pictures

_CHILD = """
import json, os, sys, time
sys.path.insert(0, sys.argv[1])
from standin import StandIn
import retrieval.indexing.read_file
from retrieval import Library
from retrieval.images import decoding
from retrieval.images.isolation import pictures
where, folder, model, how = sys.argv[2:]
if how == "itself":
    retrieval.indexing.read_file.read_picture = decoding.read_picture
with Library.create(where, model if model != "stand-in" else StandIn(512, 224)) as library:
    before, began = os.times(), time.perf_counter()
    done = library.add(folder)
    seconds = time.perf_counter() - began
    pictures.FILES.end_idle()  # the time of children counts when they have ended
    after = os.times()
print(json.dumps([done.tally.encoded / seconds, sum(after[:4]) - sum(before[:4])]))
"""
_PROCESSES = {"itself": "the process itself", "workers": "worker processes"}


@dataclass(frozen=True, slots=True)
class Rate:
    """Pictures a second, and processor time in seconds."""

    a_second: float
    processor_s: float


def index(folder: str, model: str, how: str) -> Rate:
    """Index a folder in a process of its own."""
    with tempfile.TemporaryDirectory() as out:
        here = os.path.dirname(beside("standin.py"))
        command = [sys.executable, "-c", _CHILD, here, f"{out}/library", folder, model, how]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return Rate(*json.loads(done.stdout))


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument("--count", type=int, default=1000, help="number of pictures (%(default)s)")
    parser.add_argument("--pictures", metavar="DIR", help="pictures of your own instead")
    arguments = begin(parser)
    folder = arguments.pictures or web_pictures(arguments.cache, arguments.count)
    count = read_through(folder)
    machine, rows = Machine(), []
    for model in ("stand-in", "pocket"):
        calls = {how: partial(index, folder, model, how) for how in _PROCESSES}
        runs = interleaved(arguments.rounds, calls)
        for how, name in _PROCESSES.items():
            rate = statistics.median(run.a_second for run in runs[how])
            spent = statistics.median(run.processor_s for run in runs[how])
            rows.append((f"{model}, in {name}", f"{rate:.0f}", f"{1000 * spent / count:.2f}"))
    print_table(
        f"Indexing {count:,} pictures: median of {arguments.rounds}, {machine.line()}",
        ("model, where pictures are decoded", "pictures/s", "processor ms/picture"),
        rows,
    )


if __name__ == "__main__":
    main()
