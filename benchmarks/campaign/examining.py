"""Whether the doctor says exactly what is wrong: compared with what really differs.

What differs is worked out without Pixtrieve: the rows of a catalogue before and after, table by
table, and SQLite's own check of its structure.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from campaign.children import forked
from campaign.place import Place

from retrieval import Library
from retrieval.catalogue.inspection import PEOPLES

SAYINGS = ("named", "nothing", "missed", "besides", "crashed")
"""The damage was named and nothing else; there was nothing to name, and it named nothing; it did
not see the damage; it named something that is not damaged; it did not end."""

_STRUCTURE = "the structure"
_PEOPLES = {what: table for table, (what, _) in PEOPLES.items()}
"""How the doctor calls what people made, and where that is."""

_ABOUT = {
    "words.missing": {"words", "texts"},
    "settings.damaged": {"state"},
    "model.record": {"models"},
    "vectors.damaged": {"vectors"},
    "vectors.lacking": {"vectors", "models", "images"},
    "images.orphans": {"images", "files"},
    "files.missing": {"files", "roots"},
    "files.changed": {"files"},
    "folder.missing": {"roots"},
}
"""The tables that findings are about, by code."""


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor said of a damage, one of `SAYINGS`, and its words."""

    how: str
    said: str = ""


def of_file(place: Place, path: str, *, used: bool) -> Diagnosis:
    """Judge what the doctor says of a damaged file beside the catalogue, which may be unused."""
    return _judged(place, lambda found: of_findings(found, path, used=used))


def of_catalogue(place: Place, before: bytes, after: bytes) -> Diagnosis:
    """Judge what the doctor says of a damaged catalogue."""
    return _judged(place, lambda found: of_tables(found, differing(before, after)))


def of_sound(place: Place) -> Diagnosis:
    """Judge what the doctor says of a library in which nothing is wrong: no error.

    What was killed early may have left none, and the doctor says so.
    """
    there = Library.exists(place.library)
    return _judged(place, _of_nothing if there else lambda _: Diagnosis("nothing"))


def _judged(place: Place, judge: Callable[[list[dict[str, str]]], Diagnosis]) -> Diagnosis:
    ended = forked(lambda: [each.as_object() for each in Library.check(place.library).findings])
    if ended.how == "refused":
        found = [{"code": "catalogue.refused", "severity": "error", "message": ended.said}]
    elif ended.how == "done":
        found = ended.value
    else:
        return Diagnosis("crashed", ended.said)
    return judge(found)


def of_findings(found: list[dict[str, str]], path: str, *, used: bool) -> Diagnosis:
    """Judge findings of a library in which one file beside the catalogue is damaged."""
    others = [each for each in found if path not in each["message"]]
    if others:
        return Diagnosis("besides", _said(others))
    if not found:
        return Diagnosis("missed" if used else "nothing", path)
    return Diagnosis("named" if used else "besides", "" if used else _said(found))


def _of_nothing(found: list[dict[str, str]]) -> Diagnosis:
    errors = [each for each in found if each["severity"] == "error"]
    return Diagnosis("besides", _said(errors)) if errors else Diagnosis("nothing")


def of_tables(found: list[dict[str, str]], tables: set[str]) -> Diagnosis:
    """Judge findings of a library in whose catalogue some tables are damaged."""
    if _STRUCTURE in tables:
        others = [each for each in found if not each["code"].startswith("catalogue.")]
        if others:
            return Diagnosis("besides", f"{sorted(tables)}: {_said(others)}")
        return Diagnosis("named") if found else Diagnosis("missed", str(sorted(tables)))
    named: set[str] = set()
    others = []
    for each in found:
        about = _tables_of(each)
        named |= about
        if each["code"] in _ABOUT or each["code"] == "rows.dangling":  # one of them is the reason
            justified = bool(about & tables) or (each["code"] == "rows.dangling" and bool(tables))
        else:
            justified = bool(about) and about <= tables
        if not justified:
            others.append(each)
    if others:
        return Diagnosis("besides", f"{sorted(tables)}: {_said(others)}")
    if missed := tables - named:
        return Diagnosis("missed", f"{sorted(missed)} of {sorted(tables)}: {_said(found)}")
    return Diagnosis("named" if tables else "nothing")


def _tables_of(finding: dict[str, str]) -> set[str]:
    """Return the tables that a finding names."""
    code, message = finding["code"], finding["message"]
    if code == "rows.altered.people":
        return {table for phrase, table in _PEOPLES.items() if f"{phrase} “" in message}
    if code.startswith("rows."):
        return set(re.findall(r"\b\d+ in (\w+)", message))
    return _ABOUT.get(code, set())


def _said(found: list[dict[str, str]]) -> str:
    return "; ".join(f"{each['code']}: {each['message'][:200]}" for each in found)


def differing(before: bytes, after: bytes) -> set[str]:
    """Return the tables whose rows differ; with `_STRUCTURE` if SQLite can tell that.

    The tables of the full-text index count as one, "words".
    """
    sound, damaged = _tables(before), _read(after)
    if damaged is None or damaged.keys() != sound.keys():
        return {_STRUCTURE}
    if damaged["PRAGMAs"] != sound["PRAGMAs"]:
        return {_STRUCTURE}
    names = {name for name, rows in sound.items() if damaged[name] != rows}
    return {"words" if name.startswith("words_") else name for name in names}


@lru_cache(4)
def _tables(content: bytes) -> dict[str, list[Any]]:
    found = _read(content)
    assert found is not None
    return found


def _read(content: bytes) -> dict[str, list[Any]] | None:
    """Return the rows of all tables of a catalogue; None if SQLite cannot read it."""
    readable = bytearray(content)
    readable[18:20] = b"\1\1"  # a journal in memory instead of a WAL
    try:
        with closing(sqlite3.connect(":memory:")) as db:
            db.text_factory = bytes
            db.deserialize(bytes(readable))
            found: dict[str, list[Any]] = {
                "PRAGMAs": [
                    db.execute(f"PRAGMA {name}").fetchall()
                    for name in ("integrity_check", "user_version", "application_id")
                ]
            }
            schema = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
            found["PRAGMAs"].append(schema)
            for kind, name, _, sql in schema:
                if kind == b"table" and not sql.startswith(b"CREATE VIRTUAL"):
                    rows = db.execute(f'SELECT * FROM "{name.decode()}"').fetchall()
                    found[name.decode()] = sorted(rows, key=repr)
            return found
    except (sqlite3.Error, ValueError, OverflowError, MemoryError):
        return None
