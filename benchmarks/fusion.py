"""Compare ways of combining terms, to find pictures that show both, or one without the other.

    python benchmarks/fusion.py [--model M] [--scenes N]

This uses drawn scenes with known facts; the built-in model was not trained on them. AND: a thing
and a place, or a thing and a weather. NOT: a thing, but not in that place or weather. The measure
is mean average precision over all queries with a few correct answers. "Ours" is what
`pixtrieve search "a dog - on a beach"` does.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from bench import note, print_table
from concepts import average_precision
from numpy.typing import NDArray

from retrieval import Library, Query, Term
from retrieval.query.options import Fuse
from retrieval.scenes import render, scene_facts
from retrieval.scenes.captions import truths
from retrieval.scenes.facts import PLACES, WEATHER
from retrieval.vectors import normalise

_SEED = 7_000_000  # above the seeds of the training
_SIDE = 112
_LEAST, _MOST = 3, 60


@dataclass(frozen=True, slots=True)
class Pair:
    """Words for a thing and for a place or weather, and which scenes (n,) show each."""

    thing: str
    where: str
    has_thing: NDArray[np.bool_]
    has_where: NDArray[np.bool_]


def pairs(count: int) -> Iterator[Pair]:
    """Yield each thing with each place and weather."""
    facts = [truths(scene_facts(_SEED + number)) for number in range(count)]

    def shown(*claim: str) -> NDArray[np.bool_]:
        return np.array([claim in told for told in facts])

    things = sorted({claim[1] for told in facts for claim in told if claim[0] == "thing"})
    places = {words: ("place", name) for name, (words, _) in PLACES.items()}
    weathers = {words: ("weather", name) for name, words in WEATHER.items()}
    for thing in things:
        article = "an" if thing[0] in "aeiou" else "a"
        for words, claim in (places | weathers).items():
            yield Pair(f"{article} {thing}", words, shown("thing", thing), shown(*claim))


class Scenes:
    """A library of drawn scenes; queries return the scores of all scenes."""

    def __init__(self, library: Library, count: int) -> None:
        self._library = library
        self._count = count
        stored = {row.paths[0]: row.id for row, _ in library.images()}
        self._number = {id_: int(os.path.basename(path)[:-4]) for path, id_ in stored.items()}

    def vector(self, words: str) -> NDArray[np.float32]:
        """Return the vector of a text."""
        return self._library.embed(Query((Term("text", words),)))

    def ask(self, query: Query | NDArray[np.float32], fuse: Fuse = "add") -> NDArray[np.float64]:
        """Return the score (n,) of each scene."""
        scores = np.full(self._count, -np.inf)
        found = self._library.search(query, self._count, fuse=fuse, look_in="pictures")
        for hit in found.hits:
            scores[self._number[hit.id]] = hit.score
        return scores


def two(first: str, second: str, *, negative: bool = False) -> Query:
    """Return a query of two texts."""
    return Query((Term("text", first), Term("text", second, negative=negative)))


def ways_to_want(scenes: Scenes) -> dict[str, Callable[[Pair], NDArray[np.float64]]]:
    """Return the ways to search for both."""
    return {
        "one sentence": lambda p: scenes.ask(Query((Term("text", f"{p.thing} {p.where}"),))),
        "add": lambda p: scenes.ask(two(p.thing, p.where)),
        "multiply": lambda p: scenes.ask(two(p.thing, p.where), "multiply"),
    }


def ways_to_exclude(scenes: Scenes) -> dict[str, Callable[[Pair], NDArray[np.float64]]]:
    """Return the ways to search for one without the other."""

    def less(share: float) -> Callable[[Pair], NDArray[np.float64]]:
        return lambda p: scenes.ask(
            normalise((scenes.vector(p.thing) - share * scenes.vector(p.where))[None])[0]
        )

    return {
        "the thing alone": lambda p: scenes.ask(Query((Term("text", p.thing),))),
        "in words: not …": lambda p: scenes.ask(Query((Term("text", f"{p.thing} not {p.where}"),))),
        "vector subtracted, × 0.3": less(0.3),
        "vector subtracted, × 0.5": less(0.5),
        "vector subtracted, × 1": less(1.0),
        "ours": lambda p: scenes.ask(two(p.thing, p.where, negative=True)),
    }


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="pocket", help="model to measure (%(default)s)")
    parser.add_argument("--scenes", type=int, default=400, help="number of scenes (%(default)s)")
    arguments = parser.parse_args()
    count = arguments.scenes
    found: dict[str, dict[str, list[float]]] = {"AND": defaultdict(list), "NOT": defaultdict(list)}
    with tempfile.TemporaryDirectory() as folder:
        note(f"drawing {count} scenes")
        os.mkdir(os.path.join(folder, "p"))
        for number in range(count):
            path = os.path.join(folder, "p", f"{number:05}.png")
            render(_SEED + number, _SIDE).image.save(path)
        with Library.create(os.path.join(folder, "library"), arguments.model) as library:
            library.add(os.path.join(folder, "p"))
            scenes = Scenes(library, count)
            for pair in pairs(count):
                both = pair.has_thing & pair.has_where
                only = pair.has_thing & ~pair.has_where
                if _LEAST <= both.sum() <= _MOST:
                    for name, ask in ways_to_want(scenes).items():
                        found["AND"][name].append(average_precision(ask(pair), both))
                if both.any() and _LEAST <= only.sum() <= _MOST:
                    for name, ask in ways_to_exclude(scenes).items():
                        found["NOT"][name].append(average_precision(ask(pair), only))
    for kind, ways in found.items():
        asked = len(next(iter(ways.values())))
        print_table(
            f"{kind}: {arguments.model}, {count} scenes, {asked} queries",
            ("way", "mAP"),
            ((name, f"{np.mean(values):.3f}") for name, values in ways.items()),
        )


if __name__ == "__main__":
    main()
