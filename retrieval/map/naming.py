"""Names for regions: which of a corpus's texts their pictures show more than others do.

What all pictures have in common is taken off the regions, and what all texts have in common off
the texts; a part of a region is also told apart from the rest of that. So the map of a thousand
dogs has no region "dog", but "puppy", "snow" and "beach".
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from retrieval.map.regions import Floats, Level

_FROM_PARENT = 0.5
"""How much of what a region shows is taken off its context."""

_NEARLY = 0.8
"""A name that nobody has is taken if it fits so well, compared with the best."""

_ARTICLE = re.compile(r"^(a|an|the|some) ", re.IGNORECASE)


def names_of(levels: list[Level], texts: list[str], vectors: Floats) -> list[list[str]]:
    """Return a name for each region of each level; on one level none is there twice.

    `vectors` (t, d) are the texts', turned as the points were.
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
            shown = shown - _FROM_PARENT * above.means[parents]
        found.append(_distinct(_unit(shown) @ labels.T, level.sizes, words))
    return found


def _distinct(scores: Floats, sizes: NDArray[np.int64], words: list[str]) -> list[str]:
    """Give regions names by their scores (r, t): the surest first, a taken one never again.

    Where nothing free fits nearly as well as the best, the name is that with a second word.
    """
    names = [""] * len(scores)
    taken: set[str] = set()
    for row in sorted(range(len(scores)), key=lambda each: (-scores[each].max(), -sizes[each])):
        order = np.argsort(-scores[row], kind="stable")
        names[row] = _name([words[place] for place in order], scores[row][order], taken)
        taken.add(names[row])
    return names


def _name(words: list[str], scores: Floats, taken: set[str]) -> str:
    least = scores[0] - (1 - _NEARLY) * abs(scores[0])
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
