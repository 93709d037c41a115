"""Questions and filters, as they are written and as they are asked of a library."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from fuzzing.cases import Case, small_library
from fuzzing.mutations import mutated_text, random_filter, strange

from retrieval import Library, Query, SearchOptions
from retrieval.query.options import OPTIONS, Option
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


def options(_: Path) -> Case:
    """Try options of a search: they are understood, or refused by their names."""

    def case(random: Random) -> None:
        given = {name: _option(random, each) for name, each in OPTIONS.items()}
        chosen = random.sample(sorted(given), random.randrange(1, 5))
        found = SearchOptions(**{name: given[name] for name in chosen})
        assert found.depth >= found.k >= 1
        assert 0 <= found.min_confidence <= 1
        assert SearchOptions(**{name: getattr(found, name) for name in OPTIONS}) == found

    return case


def _option(random: Random, option: Option) -> Any:
    """Return a value for an option: mostly an allowed one."""
    if random.random() < 0.2:
        return strange(random)
    if option.name == "where":
        return random_filter(random)
    if option.choices:
        return random.choice((*option.choices, option.default))
    if option.many:
        return random.choices((1, 2, "a.jpg", "#1", 10**9), k=random.randrange(4))
    if isinstance(option.default, bool):
        return random.random() < 0.5
    least, most = option.least or 0, option.most or 1000
    return type(option.default)(random.uniform(least, most))


def search(folder: Path) -> Case:
    """Try questions with filters and options, asked of a library."""
    library = Library.open(small_library(folder))

    def case(random: Random) -> None:
        asked = None if random.random() < 0.3 else mutated_text(random, "red - blue", TERMS)
        parsed = None if asked is None else Query.parse(asked)
        if parsed is not None and any(t.kind == "picture" for t in parsed.terms):
            return
        names = random.sample(sorted(set(OPTIONS) - {"where"}), random.randrange(4))
        given = {name: _option(random, OPTIONS[name]) for name in names}
        where = random_filter(random) if random.random() < 0.5 else "size > 0"
        found = library.search(parsed, **{"k": 5, "where": where, **given})
        for hit in found:
            assert np.isfinite(hit.score)
            assert hit.confidence is None or 0 <= hit.confidence <= 1
        json.dumps(found.to_dict())

    return case
