"""Names for regions: the texts of a corpus that their pictures show more than others do.

Means are centred: the mean of all pictures is subtracted from regions, the mean of all texts from
texts. Parts of a region also subtract half of that region's mean. So the map of a thousand dogs has
no region "dog", but "puppy", "snow" and "beach".
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from retrieval.map.regions import Floats, Level

_PARENT_WEIGHT = 0.5
"""The share of a region's mean that is subtracted from the means of its parts."""

_CLOSE_TO_BEST = 0.8
"""A free name is used if its score is at least this share of the best one's."""

_ARTICLE = re.compile(r"^(a|an|the|some) ", re.IGNORECASE)


def names_of(levels: list[Level], texts: list[str], vectors: Floats) -> list[list[str]]:
    """Return a name for each region of each level, unique within the level.

    `vectors` (t, d) are the texts' vectors in the coordinates of the points.
    """
    words = [_ARTICLE.sub("", text) for text in texts]
    labels = _unit(vectors - vectors.mean(axis=0))
    found: list[list[str]] = []
    for number, level in enumerate(levels):
        shown = level.means
        if number:
            above = levels[number - 1]
            parents = np.zeros(len(level.sizes), np.int64)
            parents[level.region] = above.region
            shown = shown - _PARENT_WEIGHT * above.means[parents]
        found.append(_distinct(_unit(shown) @ labels.T, level.sizes, words))
    return found


def _distinct(scores: Floats, sizes: NDArray[np.int64], words: list[str]) -> list[str]:
    """Assign names by scores (r, t), the most certain region first; each name is used once.

    If no free name scores nearly as well as the best, the best name gets a second word.
    """
    names = [""] * len(scores)
    taken: set[str] = set()
    for row in sorted(range(len(scores)), key=lambda each: (-scores[each].max(), -sizes[each])):
        order = np.argsort(-scores[row], kind="stable")
        names[row] = _name([words[place] for place in order], scores[row][order], taken)
        taken.add(names[row])
    return names


def _name(words: list[str], scores: Floats, taken: set[str]) -> str:
    least = scores[0] - (1 - _CLOSE_TO_BEST) * abs(scores[0])
    for word, score in zip(words, scores, strict=True):
        if score < least:
            break
        if word not in taken:
            return word
    for word in words[1:]:
        both = f"{words[0]}, {word}"
        if both not in taken and not set(words[0].split()) & set(word.split()):
            return both
    return words[0]


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))
