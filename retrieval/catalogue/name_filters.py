"""Filters by names that other programs gave: people, keywords, places; and their facets.

A column has a name a line. What is written in a picture and its nearest town both count; a country
also by its code, and by its names in other languages (`images.gazetteer`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from retrieval.catalogue.connection import Connection, text
from retrieval.images.gazetteer.names import (
    cities_called,
    code_of,
    countries_called,
    country_name,
    spellings_of_cities,
)
from retrieval.query.fields import distinct
from retrieval.query.where.matching import contains, equals, fold, levels

_Sql = tuple[str, tuple[Any, ...]]

_NEAR = {name: f"coalesce(i.near_{name}, '')" for name in ("city", "region", "country")}
_BREAK = " || char(10) || "
_LINES = {
    "person": "i.people",
    "keyword": "i.keywords",
    "city": f"i.city{_BREAK}{_NEAR['city']}",
    "region": f"i.region{_BREAK}{_NEAR['region']}",
    "country": f"i.country{_BREAK}{_NEAR['country']}",
}
_LINES["place"] = f"i.location{_BREAK}{_LINES['city']}{_BREAK}{_LINES['region']}"
KNOWN = {name: f"trim({lines}, char(10)) != ''" for name, lines in _LINES.items()}
"""Tests, as SQL over `images i`, whether a picture has a value of a field."""
KNOWN["place"] = f"trim({_LINES['place']}{_BREAK}{_LINES['country']}, char(10)) != ''"

WRITTEN = {
    name: f"coalesce(nullif(i.{name}, ''), i.near_{name}, '')" for name in ("city", "region")
}
"""What a picture's record says, as SQL: what is written, else what is near."""

_COUNTRY = (
    f"({_NEAR['country']} IN (SELECT value FROM json_each(?)) OR (i.country != ''"
    " AND where_country(i.country) IN (SELECT value FROM json_each(?))))"
)
_WRITTEN_CITY = "(i.city != '' AND where_folded(i.city) IN (SELECT value FROM json_each(?)))"
_CITY = f"({_NEAR['country']} || char(9) || {_NEAR['city']} IN (SELECT value FROM json_each(?)))"


def name_test(name: str, operator: str, value: str) -> _Sql:
    """Return the SQL that tests a field of names over `images i`, and its values."""
    part = operator == "~"
    parts = [_lines_test(_LINES[name], name, value, part=part)]
    test = partial(_passes, contains if part else equals, value)
    if name in ("country", "place"):
        codes = json.dumps(countries_called(test))
        parts.append((_COUNTRY, (codes, codes)))
        if name == "place":
            parts.append(_lines_test(_LINES["country"], name, value, part=part))
    if name in ("city", "place"):
        cities = [f"{code}\t{city}" for city, code in cities_called(test)]
        parts.append((_CITY, (json.dumps(cities),)))
        spelled = json.dumps(sorted({fold(each) for each in spellings_of_cities(test)}))
        parts.append((_WRITTEN_CITY, (spelled,)))
    sql = " OR ".join(each for each, _ in parts)
    return f"({KNOWN[name]} AND ({sql}))", tuple(one for _, each in parts for one in each)


def _passes(test: Callable[[str, str], bool], value: str, name: str) -> bool:
    return test(name, value)


def _lines_test(lines: str, name: str, value: str, *, part: bool) -> _Sql:
    kind = "level" if name == "keyword" else "line"
    return f"where_{kind}_{'contains' if part else 'equals'}({lines}, ?)", (text(value),)


def counts_of(db: Connection, name: str) -> Counter[str]:
    """Count the live pictures for each name of a field: a keyword counts for those above it."""
    columns = {
        "person": "i.people",
        "keyword": "i.keywords",
        "place": "i.location, i.city, i.region, i.country, i.near_city, i.near_region,"
        " i.near_country",
    }[name]
    rows = db.rows(
        f"SELECT count(*), {columns} FROM images i WHERE i.orphaned_at IS NULL AND {KNOWN[name]}"
        f" GROUP BY {columns}"
    )
    found: Counter[str] = Counter()
    for count, *values in rows:
        texts = [db.a_text(value or "") for value in values]
        for each in set(_NAMES[name](texts)):
            found[each] += count
    return found


def _people(texts: list[str]) -> Iterable[str]:
    return texts[0].split("\n")


def _keywords(texts: list[str]) -> Iterator[str]:
    for path in texts[0].split("\n"):
        parts = levels(path)
        yield from ("|".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def _places(texts: list[str]) -> Iterable[str]:
    *written, country, near_city, near_region, near_country = texts
    known = [*written, country, near_city, near_region, country_name(near_country)]
    code = code_of(country) if country else ""
    if code and code == near_country:
        known.remove(country)
    return distinct(filter(None, known))


_NAMES: dict[str, Callable[[list[str]], Iterable[str]]] = {
    "person": _people,
    "keyword": _keywords,
    "place": _places,
}
