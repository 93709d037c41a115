"""The metadata of a shard: a Parquet file, row i for the vectors in row i.

Its first columns are those that clip-retrieval shows; the others are what a library needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import IO, Any

from retrieval.errors import MissingExtra
from retrieval.images import PictureInfo
from retrieval.images.places import joined
from retrieval.indexing.shards import ShardRow, SidecarText
from retrieval.query.fields import BESIDE, FACTS, NAMES, Facts


def write_rows(file: IO[bytes], rows: Sequence[ShardRow]) -> None:
    """Write the rows of a shard as a Parquet file; raises MissingExtra, OSError."""
    pa, pq = arrow("writing shards")
    pq.write_table(pa.Table.from_pylist([_as_values(row) for row in rows], _schema(pa)), file)


def read_rows(path: str) -> tuple[ShardRow, ...]:
    """Return the rows of a file that `write_rows` wrote; ValueError for any other file.

    Shards of programs that knew fewer facts are read, too.
    """
    pa, pq = arrow("reading shards")
    try:
        table = pq.read_table(path)
        if any(table.schema.equals(_schema(pa, form)) for form in (_NOW, _BEFORE)):
            return tuple(_row(values) for values in table.to_pylist())
    except (OSError, TypeError, KeyError, pa.ArrowException) as error:
        raise ValueError(path) from error
    raise ValueError(path)


def arrow(purpose: str) -> tuple[Any, Any]:
    """Return `pyarrow` and `pyarrow.parquet`; raises MissingExtra."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra("pyarrow", "sources", purpose) from error
    return pa, pq


@dataclass(frozen=True, slots=True)
class _Form:
    """The facts of pictures and of sidecars that shards hold, and whether favourites."""

    facts: tuple[str, ...]
    beside: tuple[str, ...]
    favourites: bool


_NOW = _Form(FACTS, BESIDE, favourites=True)
_BEFORE = _Form(FACTS[: FACTS.index("location")], BESIDE[:3], favourites=False)


def _schema(pa: Any, form: _Form = _NOW) -> Any:
    """Return the columns: first those that clip-retrieval knows, then what a library needs.

    Paths are bytes, because names of files need not be UTF-8.
    """
    text, whole, real = pa.string(), pa.int64(), pa.float64()
    kinds = {"str": text, "int": whole, "int | None": whole, "float | None": real}
    kinds["tuple[str, ...]"] = pa.list_(text)
    by_name = {each.name: kinds[str(each.type)] for each in fields(Facts)}
    sidecar = pa.struct(
        [
            ("path", pa.binary()), ("size", whole), ("mtime_ns", whole), ("source", text),
            ("text", text), *((name, by_name[name]) for name in form.beside),
            *([("favourite", pa.bool_())] if form.favourites else []),
        ]
    )  # fmt: skip
    return pa.schema(
        [
            ("image_path", text), ("caption", text), ("sha256", text), ("root", pa.binary()),
            ("path", pa.binary()), ("size", whole), ("mtime_ns", whole),
            *((name, by_name[name]) for name in form.facts),
            ("luma_thumbnail", pa.binary()), ("words", text), ("captions", pa.list_(text)),
            ("columns", pa.list_(pa.struct([("name", text), ("value", text)]))),
            ("sidecars", pa.list_(sidecar)), ("thumbnail", pa.binary()),
        ]
    )  # fmt: skip


def _as_values(row: ShardRow) -> dict[str, Any]:
    place = joined(row.root, row.path)
    return {
        "image_path": place.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
        "caption": row.description(),
        "sha256": row.sha256.hex(),
        "root": _bytes(row.root),
        "path": _bytes(row.path),
        "size": row.size,
        "mtime_ns": row.mtime_ns,
        **{name: getattr(row.info, name) for name in FACTS},
        "luma_thumbnail": row.info.luma_thumbnail,
        "words": row.info.words,
        "captions": list(row.captions),
        "columns": [{"name": name, "value": value} for name, value in row.columns],
        "sidecars": [
            {
                "path": _bytes(each.path),
                "size": each.size,
                "mtime_ns": each.mtime_ns,
                "source": each.source,
                "text": each.text,
                **{name: getattr(each.facts, name) for name in BESIDE},
                "favourite": each.favourite,
            }
            for each in row.sidecars
        ],
        "thumbnail": row.thumbnail,
    }


def _row(values: dict[str, Any]) -> ShardRow:
    sidecars = tuple(_sidecar(each) for each in values["sidecars"])
    facts = _facts(values, FACTS)
    sha256 = bytes.fromhex(values["sha256"])
    if len(sha256) != 32:
        raise ValueError("sha256")
    return ShardRow(
        _path(values["root"]),
        _path(values["path"]),
        values["size"],
        values["mtime_ns"],
        sha256,
        PictureInfo(**facts, luma_thumbnail=values["luma_thumbnail"], words=values["words"]),
        tuple(values["captions"]),
        tuple((each["name"], each["value"]) for each in values["columns"]),
        sidecars,
        values["thumbnail"],
    )


def _sidecar(each: dict[str, Any]) -> SidecarText:
    told = each["source"], each["text"], Facts(**_facts(each, BESIDE))
    favourite = bool(each.get("favourite"))
    return SidecarText(_path(each["path"]), each["size"], each["mtime_ns"], *told, favourite)


def _facts(values: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    known = {name: values[name] for name in names if name in values}
    return known | {name: tuple(known[name]) for name in NAMES if name in known}


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _path(written: bytes) -> str:
    return written.decode("utf-8", "surrogateescape")
