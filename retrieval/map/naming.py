"""Names for regions: the texts of a corpus that their pictures show more than others do.

Means are centred: the mean of all pictures is subtracted from regions, the mean of all texts from
texts. Parts of a region also subtract half of that region's mean. So the map of a thousand dogs has
no region "dog", but "puppy", "snow" and "beach".

A name must be true of the pictures one by one: the text nearest to the mean of a mixed region may
be true of none of them. Where the model has a calibration, it says how likely each picture shows a
text; without one, a text must fit the pictures better than most texts do. A region without such a
text has no name, and no region has the name of the one it is part of.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from retrieval.map.regions import Floats, Level

_PARENT_WEIGHT = 0.5
"""The share of a region's mean that is subtracted from the means of its parts."""

_CLOSE_TO_BEST = 0.8
"""The score of a name is at least this share of the best one's."""

_LIKELY = 0.5
"""This share of a region's pictures is expected to show what its name says."""

_ASKED = 40
"""At most this many pictures of a region are asked how likely they show a text."""

_FITS = 0.025
"""A text fits a picture if it is among this share of the texts, those that match it best."""

_TRUE = 0.6
"""A name must fit this share of a region's pictures."""

_SAMPLE = 50_000
"""At most about as many pictures are looked at one by one."""

Likely = Callable[[NDArray[np.int64]], Floats]
"""Returns how likely each of some pictures, by their rows, shows each text: (rows, t), 0 to 1."""

_ARTICLE = re.compile(r"^(a|an|the|some) ", re.IGNORECASE)


def names_of(
    levels: list[Level],
    texts: list[str],
    vectors: Floats,
    points: Floats,
    likely: Likely | None = None,
) -> list[list[str]]:
    """Return a name for each region of each level, unique within the level; "" if none is true.

    `vectors` (t, d) are the texts' vectors in the coordinates of the points (n, d). `likely` is
    None for a model without calibration.
    """
    words = [_ARTICLE.sub("", text) for text in texts]
    labels = _unit(vectors - vectors.mean(axis=0))
    shares = _shares(levels, labels, points) if likely is None else _expected(levels, likely)
    least = _TRUE if likely is None else _LIKELY
    found: list[list[str]] = []
    for number, level in enumerate(levels):
        shown, parents = level.means, np.zeros(len(level.sizes), np.int64)
        if number:
            above = levels[number - 1]
            parents[level.region] = above.region
            shown = shown - _PARENT_WEIGHT * above.means[parents]
        scores = _unit(shown) @ labels.T
        enough = 0.0 if likely else _CLOSE_TO_BEST * scores.max(axis=1, keepdims=True)
        scores[(scores < enough) | (shares[number] < least)] = -np.inf
        if number:
            _exclude(scores, [found[-1][parent] for parent in parents], words)
        found.append(_distinct(scores, level.sizes, words))
    return found


def _expected(levels: list[Level], likely: Likely) -> list[Floats]:
    """Return for each level the share (r, t) of each region's pictures that may show each text."""
    asked = [_some_of_each(level) for level in levels]
    rows = np.unique(np.concatenate(asked))
    probabilities = likely(rows)
    shares: list[Floats] = []
    for level, chosen in zip(levels, asked, strict=True):
        sums = np.zeros((len(level.sizes), probabilities.shape[1]), np.float32)
        regions = level.region[chosen]
        np.add.at(sums, regions, probabilities[np.searchsorted(rows, chosen)])
        counts = np.bincount(regions, minlength=len(level.sizes))
        shares.append(np.asarray(sums / np.maximum(counts, 1)[:, None], np.float32))
    return shares


def _some_of_each(level: Level) -> NDArray[np.int64]:
    """Return the rows of up to `_ASKED` pictures of each region, evenly spread."""
    order = np.argsort(level.region, kind="stable")
    ends = np.cumsum(np.bincount(level.region, minlength=len(level.sizes)))
    parts = np.split(order, ends[:-1])
    chosen = [part[:: max(1, -(-len(part) // _ASKED))] for part in parts]
    return np.asarray(np.concatenate(chosen), np.int64)


def _exclude(scores: Floats, names: list[str], words: list[str]) -> None:
    """Take the texts of a name (`_name` may join two) out of the scores of the region beside it."""
    for row, name in enumerate(names):
        for word in {name, *name.split(", ")} & set(words):
            scores[row, words.index(word)] = -np.inf


def _shares(levels: list[Level], labels: Floats, points: Floats) -> list[Floats]:
    """Return for each level the share (r, t) of each region's pictures that each text fits."""
    rows = np.arange(0, len(points), max(1, len(points) // _SAMPLE))
    most = max(1, round(_FITS * len(labels)))
    counts = [np.zeros((len(level.sizes), len(labels)), np.float32) for level in levels]
    for part in np.array_split(rows, max(1, len(rows) // 4096)):
        matches = points[part] @ labels.T
        least = np.partition(matches, -most, axis=1)[:, -most]
        fits = (matches >= least[:, None]).astype(np.float32)
        for level, count in zip(levels, counts, strict=True):
            np.add.at(count, level.region[part], fits)
    sizes = [np.bincount(level.region[rows], minlength=len(level.sizes)) for level in levels]
    return [
        np.asarray(count / np.maximum(size, 1)[:, None], np.float32)
        for count, size in zip(counts, sizes, strict=True)
    ]


def _distinct(scores: Floats, sizes: NDArray[np.int64], words: list[str]) -> list[str]:
    """Assign names by scores (r, t), the most certain region first; each name is used once.

    A text with a score of -inf is no name of the region. If no name is free, the best one
    gets a second word.
    """
    names = [""] * len(scores)
    taken: set[str] = set()
    for row in sorted(range(len(scores)), key=lambda each: (-scores[each].max(), -sizes[each])):
        order = np.argsort(-scores[row], kind="stable")
        names[row] = _name([words[at] for at in order if scores[row][at] > -np.inf], taken)
        taken.add(names[row])
    return names


def _name(words: list[str], taken: set[str]) -> str:
    """Return a name that is free, of the words of a region, the best first; "" if there is none."""
    for word in words:
        if word not in taken:
            return word
    for word in words[1:]:
        both = f"{words[0]}, {word}"
        if both not in taken and not set(words[0].split()) & set(word.split()):
            return both
    return ""


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))
