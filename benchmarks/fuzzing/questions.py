"""Questions and filters, as they are written and as they are asked of a library."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
from fuzzing.cases import Case, small_library
from fuzzing.mutations import mutated_text, random_filter

from retrieval import Library, Query
from retrieval.query.where import parse as parse_filter

TERMS = (
    " + ", " - ", "2:", "0.5:", "#12", "#", "image:", "text:", '"', "'", "\\", "a dog", ":", "1e5:",
    "-", "+", "./a.jpg", "~/b.png", "*", "like:", "concept:", "nan:", "-1:", "http://x/y.jpg",
)  # fmt: skip


def query(_: Path) -> Case:
    """Try questions; what was understood is written so that it is understood alike."""
    seeds = ("2:dog - people", '"a + b" + #12', "./a.jpg - 0.5:snow", "text:'x' + y", "two dogs")

    def case(random: Random) -> None:
        text = mutated_text(random, random.choice(seeds), TERMS)
        found = Query.parse(text)
        assert Query.parse(str(found)) == found, (text, str(found))

    return case


def where(_: Path) -> Case:
    """Try filters; what was understood is written so that it is understood alike."""

    def case(random: Random) -> None:
        text = random_filter(random)
        if random.random() < 0.4:
            text = mutated_text(random, text, ("and", "or", "not", "(", ")", "'", ",", "~", "in"))
        found = parse_filter(text)
        assert parse_filter(str(found)) == found, (text, str(found))

    return case


def search(folder: Path) -> Case:
    """Try questions with filters and options, asked of a library."""
    library = Library.open(small_library(folder))

    def case(random: Random) -> None:
        asked = None if random.random() < 0.3 else mutated_text(random, "red - blue", TERMS)
        parsed = None if asked is None else Query.parse(asked)
        if parsed is not None and any(t.kind == "picture" for t in parsed.terms):
            return
        found = library.search(parsed, random.choice((1, 5, 1000)), where=random_filter(random))
        for hit in found:
            assert np.isfinite(hit.score)
            assert hit.confidence is None or 0 <= hit.confidence <= 1
        json.dumps(found.to_dict())

    return case
