"""Measure the time until a picture copied into a watched folder is found, and that of a burst.

    python benchmarks/watching.py [FOLDER] [--files N] [--rounds N]

With the built-in model, `Library.watch` runs in a thread as in `pixtrieve index --watch`. A second
connection to the library searches until the picture is found. The pictures are drawn or from a
folder; if there are too few, copies are made distinct by bytes after their end.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

from bench import Machine, begin, options, print_table
from pictures import web_pictures

from retrieval import Library, Progress
from retrieval.watching.watcher import WatchControl, Watching, WatchTiming


def contents(folder: str) -> Iterator[bytes]:
    """Yield distinct pictures, endlessly."""
    paths = sorted(entry.path for entry in os.scandir(folder) if entry.name.endswith(".jpg"))
    for number, path in enumerate(cycle(paths)):
        with open(path, "rb") as file:
            yield file.read() + b"%d" % number


@contextmanager
def watched(library: str, folder: str) -> Iterator[list[Progress]]:
    """Follow a folder meanwhile; gives the last records of the runs so far."""
    control, runs, listening = WatchControl(), list[Progress](), threading.Event()

    def follow() -> None:
        with Library.open(library) as own:
            for event in own.watch([folder], control=control):
                if isinstance(event, Watching):
                    listening.set()
                elif isinstance(event, Progress) and event.phase == "done":
                    runs.append(event)

    thread = threading.Thread(target=follow)
    thread.start()
    listening.wait()
    time.sleep(WatchTiming().quiet + 1)  # until the first scan is done
    try:
        yield runs
    finally:
        control.stop.set()
        thread.join()


def until_searched(library: Library, count: int) -> None:
    """Search until the library has `count` pictures."""
    while library.search("a dog", 1).searched < count:
        time.sleep(0.01)


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument(
        "--files", type=int, default=5000, help="number of pictures in a burst (%(default)s)"
    )
    parser.add_argument("pictures", nargs="?", help="a folder of JPEGs instead of drawn ones")
    arguments = begin(parser)
    source = contents(arguments.pictures or web_pictures(arguments.cache, 400))
    machine = Machine()
    with tempfile.TemporaryDirectory() as place:
        folder, path = os.path.join(place, "pictures"), os.path.join(place, "library")
        os.mkdir(folder)

        def copy(name: str) -> None:
            with open(os.path.join(folder, f"{name}.jpg"), "wb") as file:
                file.write(next(source))

        for number in range(100):
            copy(f"first-{number}")
        Library.create(path, "pocket").close()
        with watched(path, folder) as runs, Library.open(path) as library:
            until_searched(library, count := 100)
            single = []
            for number in range(arguments.rounds):
                copy(f"single-{number}")
                count += 1
                began = time.perf_counter()
                until_searched(library, count)
                single.append(time.perf_counter() - began)
                time.sleep(1)
            before = len(runs)
            began = time.perf_counter()
            for number in range(arguments.files):
                copy(f"burst-{number}")
            copied = time.perf_counter() - began
            until_searched(library, count + arguments.files)
            burst = time.perf_counter() - began
            time.sleep(3)
            encoding = [run for run in runs[before:] if run.tally.encoded]
    print_table(
        f"A watched folder, the built-in model, {machine.line()}",
        ("what", "figure"),
        [
            (
                f"one picture, from its copy to its result: median, min, max of {len(single)}",
                f"{statistics.median(single):.2f}, {min(single):.2f}, {max(single):.2f} s",
            ),
            (f"{arguments.files:,} pictures: copying", f"{copied:.1f} s"),
            ("from the first copy until all are found", f"{burst:.1f} s"),
            ("runs that encoded", f"{len(encoding)}"),
            ("pictures encoded per run", ", ".join(f"{r.tally.encoded:,}" for r in encoding)),
            ("duration of the runs", ", ".join(f"{r.seconds:.1f} s" for r in encoding)),
        ],
    )


if __name__ == "__main__":
    main()
