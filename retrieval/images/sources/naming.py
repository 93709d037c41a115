"""From what a user writes to sources: braces, patterns, and the kind that a name stands for."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence

from retrieval.errors import SourceError
from retrieval.images.places import PARQUETS, TARS, WEB, ZIPS
from retrieval.images.sources import Columns, Source
from retrieval.images.sources.deadlines import LISTING_S, within
from retrieval.images.sources.folders import METADATA, FolderSource
from retrieval.images.sources.parquets import ParquetSource
from retrieval.images.sources.storage import StorageSource, explained, filesystem
from retrieval.images.sources.tables import TABLES, ListSource
from retrieval.images.sources.tars import TarSource
from retrieval.images.sources.zips import ZipSource
from retrieval.query.spelling import absolute, is_address

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST_NAMES = 10_000_000
_DATA_SETS = (*TARS, *PARQUETS)


def sources_of(names: Sequence[str], choice: Columns | None = None) -> list[Source]:
    """Return the sources that some names stand for, in order; raises SourceError.

    A name may have a range, as `pictures-{0000..0099}.tar`, and the patterns of a shell. A folder
    that holds tars or Parquet files stands for those.
    """
    columns = choice or Columns()
    return [
        source
        for name in names
        for single in _matching(name)
        for source in _sources_at(single, columns)
    ]


def with_ranges(name: str) -> Iterator[str]:
    """Yield the names that one with ranges stands for: `a-{08..10}` for a-08, a-09, a-10."""
    found = _RANGE.search(name)
    if found is None:
        yield name
        return
    first, last = found.groups()
    if not 0 <= int(last) - int(first) < _MOST_NAMES:
        raise SourceError(f"{name} has no valid range", "write it as {0000..0099}")
    width = len(first) if first.startswith("0") else 0
    for number in range(int(first), int(last) + 1):
        for rest in with_ranges(name[found.end() :]):
            yield f"{name[: found.start()]}{number:0{width}d}{rest}"


def _matching(name: str) -> Iterator[str]:
    for single in with_ranges(name):
        if is_address(single):
            yield from _matching_address(single)
            continue
        path = absolute(single)
        if os.path.lexists(path):
            yield path
            continue
        matches = sorted(glob.glob(path)) if glob.has_magic(path) else []
        if not matches:
            raise SourceError(f"{path} does not exist", "check the path; nothing was encoded")
        yield from matches


def _matching_address(address: str) -> Iterator[str]:
    if not glob.has_magic(address) or address.startswith(WEB):
        yield address.rstrip("/")
        return
    with explained(address):
        fs, key = filesystem(address)
        scheme = address.partition("://")[0]
        matches = sorted(within(LISTING_S, lambda: fs.glob(key)))
    if not matches:
        raise SourceError(f"nothing matches {address}", "check the address; nothing was encoded")
    for match in matches:
        yield f"{scheme}://{match}"


def _sources_at(name: str, choice: Columns) -> list[Source]:
    lower = name.lower()
    if not is_address(name) and os.path.isdir(name):
        data_sets = _data_sets_in(name)
        return (
            [source for path in data_sets for source in _sources_at(path, choice)]
            if data_sets
            else [FolderSource(name, choice)]
        )
    if lower.endswith(TARS):
        return [TarSource(name)]
    if lower.endswith(ZIPS):
        return [ZipSource(name)]
    if lower.endswith(PARQUETS):
        return [ParquetSource(name, choice)]
    if lower.endswith(TABLES):
        return [ListSource(name, choice)]
    if is_address(name) and not name.startswith(WEB):
        return [StorageSource(name)]
    raise SourceError(
        f"{name} is no source of pictures",
        "name a folder, a .tar, .zip or .parquet file, a list (.txt, .csv, .tsv, .jsonl), or an "
        "address like s3://bucket/folder",
    )


def _data_sets_in(folder: str) -> list[str]:
    """Return the tars and Parquet files in a folder, without the tables that describe others."""
    names = sorted(os.listdir(folder), key=os.fsencode)
    others = {os.path.splitext(name)[0] for name in names if not name.endswith(PARQUETS)}
    return [
        os.path.join(folder, name)
        for name in names
        if name.lower().endswith(_DATA_SETS)
        and name.lower() not in METADATA
        and not (name.endswith(PARQUETS) and os.path.splitext(name)[0] in others)
        and os.path.isfile(os.path.join(folder, name))
    ]
