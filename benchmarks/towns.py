"""The town of a position: how often it is right at known places, how fast, bytes and memory.

The known places (landmarks.txt) are landmarks that people photograph, with the city that they would
name; a name of the city in another language is right, too. `nearest` is the town that is nearest,
whatever its size. Speed is that of positions around towns, each asked once, in a process of its
own, and memory is what that process gained.

    python benchmarks/towns.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from bench import begin, options, print_table

from retrieval.images.gazetteer.names import NAMES, cities_called, code_of, file_of
from retrieval.images.gazetteer.towns import TOWNS, _points, _towns, nearby
from retrieval.query.where.matching import fold

LANDMARKS = Path(__file__).with_name("landmarks.txt")
POSITIONS = 20_000


def main() -> None:
    """Print both tables."""
    begin(options(__doc__))
    accuracy()
    costs()


def accuracy() -> None:
    """Compare towns and countries with those of the landmarks."""
    lines = LANDMARKS.read_text("utf-8").splitlines()
    right = dict.fromkeys(("city", "country", "nearest"), 0)
    wrong = []
    for line in lines:
        north, east, code, rest = line.split(" ", 3)
        city, _, what = rest.partition(": ")
        found = nearby(float(north), float(east))
        right["country"] += found.country == code
        right["city"] += same(found.city, city, code)
        right["nearest"] += same(nearest(float(north), float(east)), city, code)
        if not same(found.city, city, code):
            wrong.append(f"{city} ({what}): {found.city or 'none'}")
    rows = [[what, f"{count} of {len(lines)}"] for what, count in right.items()]
    print_table("Towns of known positions", ["right", "landmarks"], rows)
    print("\n".join(wrong))


def same(found: str, city: str, code: str) -> bool:
    """Return whether two names are those of one city of a country."""
    called = cities_called(lambda name: fold(name) == fold(city))
    return fold(found) in {fold(city), *(fold(name) for name, own in called if own == code)}


def nearest(north: float, east: float) -> str:
    """Return the town that is nearest, by comparing all."""
    towns = _towns()
    cosines = towns.points @ _points(np.array([north]), np.array([east]))[0]
    return towns.names[int(cosines.argmax())]


def costs() -> None:
    """Measure time and memory in fresh processes."""
    sizes = {name: os.path.getsize(file_of(name)) for name in (TOWNS, NAMES)}
    index, search = (json.loads(_fresh(what)) for what in ("index", "search"))
    rows = [
        ["bytes of the towns and of the names", " + ".join(f"{n:,}" for n in sizes.values())],
        ["the first position", f"{index['first']:.2f} s"],
        ["positions a second after that", f"{index['rate']:,.0f}"],
        ["memory of an indexing run, if a picture has a position", f"{index['mb']:.0f} MB"],
        ["memory of a filter by country", f"{search['mb']:.0f} MB"],
        ["the first filter by country", f"{search['first']:.2f} s"],
    ]
    print_table("Costs", ["cost", "figure"], rows)


def _fresh(what: str) -> str:
    command = [sys.executable, __file__, what]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def measure(what: str) -> None:
    """Print what one use costs this process, as JSON."""
    before, start = _resident(), time.perf_counter()
    if what == "search":
        code_of("Portugal")
        found = {"first": time.perf_counter() - start}
    else:
        nearby(48.0, 11.0)
        found = {"first": time.perf_counter() - start}
        chosen = np.random.default_rng(0)
        towns = _towns()
        picked = chosen.integers(0, len(towns.east), POSITIONS)
        north = np.degrees(np.arcsin(towns.points[picked, 2])) + chosen.normal(0, 0.05, POSITIONS)
        east = towns.east[picked] + chosen.normal(0, 0.05, POSITIONS)
        start = time.perf_counter()
        for place in zip(north.tolist(), east.tolist(), strict=True):
            nearby(*place)
        found["rate"] = POSITIONS / (time.perf_counter() - start)
    print(json.dumps({**found, "mb": _resident() - before}))


def _resident() -> float:
    """Return this process's memory in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        main()
