"""Parquet files: with the pictures' bytes (Hugging Face, img2dataset), or with their addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from retrieval.errors import MissingExtra, PictureError, SourceError
from retrieval.images.sources import MOST_BYTES, Columns, Flaw, Item, Load, Loaded, Piece
from retrieval.images.sources.members import why_unsafe
from retrieval.images.sources.rows import (
    ADDRESSES,
    PATHS,
    PICTURES,
    described,
    find_column,
    is_public_only,
    item_at,
    why_refused,
)
from retrieval.images.sources.storage import (
    explained,
    load_named,
    open_stream,
    stat_of,
    too_large,
)

_AT_ONCE = 64
_SMALL_ROW = 2**12  # bytes, of tables of addresses, of which a group may have millions
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """A Parquet file, on disk or at an address, each of its rows a picture."""

    name: str
    choice: Columns = field(default_factory=Columns)

    def identity(self) -> str:
        """Return size and time of the file, or the version of the object."""
        return f"{stat_of(self.name).version} {self.choice}"

    def pieces(self, size: int) -> Iterator[Piece]:
        """Yield ranges of rows; raises SourceError for a file without pictures."""
        with opened(self.name) as file:
            _Table.of(self.name, file, self.choice)
            count = file.metadata.num_rows
        for start in range(0, count, size):
            yield Piece(self, start=start, stop=min(count, start + size))

    def read(self, piece: Piece) -> Iterator[tuple[Item, Load] | Flaw]:
        """Yield the pictures of some rows, in order."""
        mtime = stat_of(self.name).mtime_ns
        with opened(self.name) as file:
            table = _Table.of(self.name, file, self.choice)
            with explained(self.name):
                for number, row in _rows(file, piece.start, piece.stop):
                    yield table.entry(number, row, mtime)


@dataclass(frozen=True, slots=True)
class _Table:
    """Where a file's pictures are: the column of the bytes, or that of the addresses or paths."""

    name: str
    choice: Columns
    picture: str
    target: str

    @classmethod
    def of(cls, name: str, file: Any, choice: Columns) -> _Table:
        """Find the columns; raises SourceError if there are none."""
        import pyarrow as pa

        def holds_bytes(kind: Any) -> bool:
            if pa.types.is_struct(kind):
                return bool(kind.get_field_index("bytes") >= 0)
            return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

        schema = file.schema_arrow
        binary = [each.name for each in schema if holds_bytes(each.type)]
        picture = find_column(binary, choice.image, PICTURES)
        if not picture and not choice.image and not choice.url and len(binary) == 1:
            picture = binary[0]
        texts = [
            each.name
            for each in schema
            if pa.types.is_string(each.type) or pa.types.is_large_string(each.type)
        ]
        target = find_column(texts, choice.url, (*ADDRESSES, *PATHS))
        if choice.url and target:
            picture = ""
        if not picture and not target:
            raise SourceError(
                f"{name} has no column with pictures or their addresses",
                "name it with --image-column or --url-column; its columns: "
                + ", ".join(schema.names),
            )
        return cls(name, choice, picture, "" if picture else target)

    def entry(self, number: int, row: dict[str, Any], mtime: int) -> tuple[Item, Load] | Flaw:
        """Return the item of a row, with what reads it, or why it is left out."""
        captions, columns = described(row, self.choice, {self.picture or self.target})
        if not self.picture:
            folder = self.name.rpartition("/")[0]
            target = row[self.target]
            found = item_at(target, folder, mtime) if isinstance(target, str) else None
            if found is None:
                return Flaw(self.name, _row_name(number), "the row has no address")
            if reason := why_refused(target, folder, self.choice):
                return Flaw(self.name, _row_name(number), reason)
            found = replace(found, captions=captions, columns=columns)
            return found, partial(load_named, found, is_public_only(found, folder, self.choice))
        value = row[self.picture]
        inner = value if isinstance(value, dict) else {"bytes": value}
        data, own = inner.get("bytes"), inner.get("path")
        path = _row_name(number)
        if self.choice.image and not why_unsafe(self.choice.image):
            path = f"{self.picture}/{path}"  # so that its bytes are found again
        if isinstance(own, str) and not why_unsafe(own):
            path = f"{path}/{own.rpartition('/')[2]}"
        if not isinstance(data, bytes) or not data:
            return Flaw(self.name, path, "the row has no picture")
        item = Item(self.name, path, len(data), mtime, number)
        if len(data) > MOST_BYTES:  # let go of it here: many are read ahead
            data = b""
        return item, partial(_given, Loaded(data, captions=captions, columns=columns), item.size)


def _given(loaded: Loaded, size: int) -> Loaded:
    if size > MOST_BYTES:
        raise PictureError(too_large(size, MOST_BYTES))
    return loaded


def _bounded(data: bytes) -> bytes:
    if len(data) > MOST_BYTES:
        raise PictureError(too_large(len(data), MOST_BYTES))
    return data


def member_bytes(name: str, path: str) -> bytes:
    """Return the bytes of the picture in a row; raises SourceError, PictureError."""
    first, _, rest = path.partition("/")
    number, column = (first, "") if first.isdecimal() else (rest.partition("/")[0], first)
    missing = PictureError(f"{name} has no row {number}", "was the file replaced?")
    if not number.isdecimal():
        raise missing
    with opened(name) as file, explained(name):
        table = _Table.of(name, file, Columns(image=column))
        if not table.picture or int(number) >= file.metadata.num_rows:
            raise missing
        for _, row in _rows(file, int(number), int(number) + 1, [table.picture]):
            value = row[table.picture]
            data = value.get("bytes") if isinstance(value, dict) else value
            if isinstance(data, bytes):
                return _bounded(data)
    raise missing


@contextmanager
def opened(name: str) -> Iterator[Any]:
    """Open a Parquet file; raises SourceError, or MissingExtra without pyarrow."""
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra("pyarrow", "sources", f"reading {name}") from error
    with open_stream(name) as stream:
        with explained(name):
            file = pq.ParquetFile(stream)
        yield file


def _rows(
    file: Any, start: int, stop: int, columns: list[str] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield rows with their numbers; only the row groups that hold them are read."""
    begin = 0
    for group in range(file.metadata.num_row_groups):
        number, begin = begin, begin + file.metadata.row_group(group).num_rows
        if number >= stop or begin <= start:
            continue
        for batch in file.iter_batches(
            _at_once(file.metadata.row_group(group)), row_groups=[group], columns=columns
        ):
            first, last = max(number, start), min(number + batch.num_rows, stop)
            if first < last:
                rows = batch.slice(first - number, last - first).to_pylist()
                yield from enumerate(rows, first)
            number += batch.num_rows
            if number >= stop:
                return


def _at_once(group: Any) -> int:
    """Return how many rows of a group are read at a time: one where they may not fit in memory.

    Only a group's sum of sizes is known. A single value has 2 GiB at most, that of a page.
    """
    size, rows = group.total_byte_size, max(group.num_rows, 1)
    return _AT_ONCE if size <= MOST_BYTES or size // rows <= _SMALL_ROW else 1


def _row_name(number: int) -> str:
    return f"{number:0{_DIGITS}d}"


def table_rows(name: str, column: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the texts in a column, each with the other columns of its row; raises SourceError."""
    with opened(name) as file, explained(name):
        if column not in file.schema_arrow.names:
            raise SourceError(f"{name} has no column {column}", "rename the column of the paths")
        for _, row in _rows(file, 0, file.metadata.num_rows):
            target = row.pop(column)
            if isinstance(target, str):
                yield target, row
