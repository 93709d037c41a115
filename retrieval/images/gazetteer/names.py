"""What countries and large cities are called, in English and in other languages."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from retrieval.query.where.matching import fold

NAMES = "names.json.gz"


@dataclass(frozen=True, slots=True)
class _Names:
    """Names by ISO code, the English one first; of cities by name and code in the gazetteer."""

    countries: dict[str, tuple[str, ...]]
    cities: dict[tuple[str, str], tuple[str, ...]]


def country_name(code: str) -> str:
    """Return the English name of a country by its ISO code of two letters; "" if unknown."""
    names = _names().countries.get(code)
    return names[0] if names else ""


def code_of(written: str) -> str:
    """Return the ISO code of a country by its code or a name in any language; "" if unknown."""
    return _codes().get(fold(written.strip()), "")


def countries_called(test: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the ISO codes of the countries of which the code or a name passes a test."""
    known = _names().countries.items()
    return tuple(code for code, names in known if test(code) or any(map(test, names)))


def cities_called(test: Callable[[str], bool]) -> tuple[tuple[str, str], ...]:
    """Return the (name, ISO code) of cities of which a name in another language passes a test."""
    return tuple(key for key, names in _names().cities.items() if any(map(test, names)))


def spellings_of_cities(test: Callable[[str], bool]) -> tuple[str, ...]:
    """Return all names, in all languages, of the cities of which one passes a test."""
    known = ((city, *names) for (city, _), names in _names().cities.items())
    return tuple(name for names in known if any(map(test, names)) for name in names)


def file_of(name: str) -> str:
    """Return the path of a file of the gazetteer."""
    return os.path.join(os.path.dirname(__file__), name)


@cache
def _codes() -> dict[str, str]:
    known = _names().countries.items()
    named = {fold(name): code for code, names in known for name in reversed(names)}
    return named | {fold(code): code for code, _ in known}


@cache
def _names() -> _Names:
    with gzip.open(file_of(NAMES)) as file:
        found = json.loads(file.read())
    return _Names(
        {code: tuple(names) for code, names in found["countries"].items()},
        {tuple(key.split("\t")): tuple(names) for key, names in found["cities"].items()},
    )
