"""Queries for things that a library contains or lacks, with the correct answers.

Libraries of several sizes are drawn from pictures with classes and from pictures with captions.
Each lacks some of the things, so queries for those have no correct answer. A captioned picture
shows a thing if two of its captions name it. If only one names it, or one has a word that can mean
it (`things.txt`), the answer is unknown. A class of other pictures is absent from a captioned
picture unless a caption has one of its words, or a word for its kind (`kinds.txt`).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from labelled import Labelled
from named import RIGHT, Named, forms
from numpy.typing import NDArray

from retrieval.query.tokens import query_words
from retrieval.scoring.confidence import unlikely_things

SENTENCES = "sentences"
PAIRS = "pairs"
DESCRIPTIONS = (SENTENCES, PAIRS)
"""The kinds of trials whose queries say more than the name of one thing."""

SIZES = (100, 300, 1000, 2000)

_ABSENT = 0.4
"""The share of things that a library of captioned pictures lacks."""

_COMMON = 60
"""Things that more pictures show are in every library; without them, too few pictures remain."""

_OFTEN, _TOGETHER = 8, 3
"""The least pictures that show each thing of a pair, and the least that show both."""

_APART = 0.3
"""The share of those pairs that no picture shows together that are queried."""

_LITTLE = 0.4
"""A picture whose captions have fewer of a sentence's words does not match the sentence."""

_SAME_CLASS = {
    "Faces": "face",
    "Faces easy": "face",
    "Leopards": "leopard",
    "airplanes": "airplane",
    "Motorbikes": "motorbike",
    "car side": "car",
    "crocodile head": "crocodile",
    "flamingo head": "flamingo",
    "cougar body": "cougar",
    "cougar face": "cougar",
}
_NULL = f" {' '.join(re.findall('[a-z]+', ' '.join(unlikely_things()).lower()))} "
"""The descriptions of the baseline, which are never queries."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing to query, and which of a library's n pictures show it: `right` (n,), if `known`.

    `name` is the thing's name, or a `description` of several things.
    """

    name: str
    right: Bools
    known: Bools
    description: bool = False

    @property
    def present(self) -> bool:
        """Whether any picture shows the thing."""
        return bool(self.right.any())

    @property
    def texts(self) -> tuple[str, ...]:
        """The text queries for the thing."""
        return (self.name,) if self.description else written(self.name)

    @property
    def half(self) -> int:
        """The thing's half of all things, 0 or 1, for cross-validation."""
        return zlib.crc32(self.name.encode()) % 2


@dataclass(frozen=True, slots=True)
class Trial:
    """A library of one kind of pictures, (n, dim) unit vectors, and the things to query."""

    kind: str
    pictures: NDArray[np.float32]
    things: tuple[Thing, ...]


def written(thing: str) -> tuple[str, ...]:
    """Return the text queries for a thing."""
    article = "an" if thing[0] in "aeiou" else "a"
    return thing, f"{article} {thing}", f"a photo of {article} {thing}"


def classes(data: Labelled) -> NDArray[np.str_]:
    """Return the class of each picture (n,), as one writes it; parts of a thing are the thing."""
    plain = (label.replace("_", " ") for label in data.labels.tolist())
    return np.array([_SAME_CLASS.get(label, label).lower() for label in plain])


def labelled_trials(data: Labelled, draws: int) -> Iterator[Trial]:
    """Yield libraries that lack half of the classes each."""
    labels = classes(data)
    names = [name for name in np.unique(labels).tolist() if not _in_null(name)]
    for draw in range(draws):
        random = np.random.default_rng(draw)
        here = random.permutation(names)[: len(names) // 2]
        left = random.permutation(np.flatnonzero(np.isin(labels, here)))
        for size in (size for size in SIZES if size <= 1.5 * len(left)):
            rows = left[:size]
            found = (Thing(name, labels[rows] == name, np.ones(len(rows), bool)) for name in names)
            # Classes that the draw omits by chance are not queried.
            things = tuple(a for a in found if a.present or a.name not in here)
            yield Trial(data.name, data.vectors[rows], things)


def captioned_trials(pictures: Named, others: Iterable[str], draws: int) -> Iterator[Trial]:
    """Yield libraries that each lack some things; `others` are classes of other pictures."""
    everything = {each.name: each for each in in_captions(pictures, others)}
    count = len(pictures.vectors)
    for draw in range(draws):
        random = np.random.default_rng(draw)
        rare = [a for a in everything.values() if 0 < a.right.sum() <= _COMMON]
        absent = [a for a in rare if random.random() < _ABSENT]
        perhaps = np.zeros(count, bool)
        for each in absent:
            perhaps |= each.right | ~each.known
        left = random.permutation(np.flatnonzero(~perhaps))
        for size in (size for size in SIZES if size <= 1.5 * len(left)):
            yield _trial(pictures, everything.values(), left[:size])
    yield _trial(pictures, everything.values(), np.arange(count))


def sentence_trial(pictures: Named) -> Trial:
    """Return a trial of all pictures with one caption of each as a query.

    The caption's own picture is correct. Pictures whose captions lack most of its words are wrong,
    and for the others the answer is unknown.
    """
    sentences = [each[0] for each in pictures.captions]
    texts = [set(query_words(" ".join(each))) for each in pictures.captions]
    vocabulary = {word: n for n, word in enumerate(sorted(set().union(*texts)))}
    has = np.zeros((len(texts), len(vocabulary)), np.float32)
    wants = np.zeros_like(has)
    for row, words in enumerate(texts):
        has[row, [vocabulary[word] for word in words]] = 1
        wants[row, [vocabulary[word] for word in query_words(sentences[row])]] = 1
    share = (wants @ has.T) / np.maximum(wants.sum(axis=1, keepdims=True), 1)
    own = np.eye(len(texts), dtype=bool)
    known = own | (share < _LITTLE)
    found = zip(sentences, own, known, strict=True)
    queries = tuple(
        Thing(text, right, is_known, description=True) for text, right, is_known in found
    )
    return Trial(SENTENCES, pictures.vectors, queries)


def pair_trial(pictures: Named) -> Trial:
    """Return a trial of all pictures with two things in each query: "a man with a hat".

    A picture that certainly shows both is correct; one that certainly lacks one of them is wrong.
    """
    things = [each for each in in_captions(pictures, ()) if each.right.sum() >= _OFTEN]
    random = np.random.default_rng(0)
    queries = []
    for one, two in combinations(things, 2):
        both = one.right & two.right
        lacks_one = (one.known & ~one.right) | (two.known & ~two.right)
        apart = lacks_one.all() and random.random() < _APART
        if both.sum() < _TOGETHER and not apart:
            continue
        often, rare = sorted((one, two), key=lambda each: -each.right.sum())
        for word in ("with", "and"):
            text = f"{written(often.name)[1]} {word} {written(rare.name)[1]}"
            queries.append(Thing(text, both, both | lacks_one, description=True))
    return Trial(PAIRS, pictures.vectors, tuple(queries))


def _trial(pictures: Named, things: Iterable[Thing], rows: NDArray[np.int64]) -> Trial:
    found = (Thing(each.name, each.right[rows], each.known[rows]) for each in things)
    # If only one caption names a thing, the answer is unknown.
    queried = tuple(a for a in found if a.present or a.known.all())
    return Trial("captioned", pictures.vectors[rows], queried)


def in_captions(pictures: Named, others: Iterable[str]) -> Iterator[Thing]:
    """Yield the things that captions name, and the classes of `others` that they do not name."""
    words = [[set(re.findall(r"\w+", c.lower())) for c in each] for each in pictures.captions]

    def naming(names: Sequence[str]) -> NDArray[np.int64]:
        looked_for = {form for word in names for form in forms(word)}
        return np.array([sum(bool(looked_for & c) for c in each) for each in words])

    known, kinds = _related("things.txt"), _related("kinds.txt")
    for thing, related in known.items():
        named, near = naming([thing]), naming(related)
        right = named >= RIGHT
        yield Thing(thing, right, right | ((named == 0) & (near == 0)))
    for name in others:
        new = name not in known and not _in_null(name)
        if new and not naming([*name.split(), *kinds.get(name, ())]).any():
            nowhere = np.zeros(len(words), bool)
            yield Thing(name, nowhere, ~nowhere)


def _in_null(thing: str) -> bool:
    return f" {thing} " in _NULL


def _related(name: str) -> dict[str, list[str]]:
    """Return things with the other words that can mean them."""
    lines = Path(__file__).with_name(name).read_text("utf-8").splitlines()
    pairs = (line.partition(":") for line in lines if not line.startswith("#"))
    return {thing: near.split() for thing, _, near in pairs if not _in_null(thing)}
