"""Reads embeddings in clip-retrieval's layout, so that nothing has to be encoded again.

    img_emb/*.npy        (n, dim) float16 or float32
    metadata/*.parquet   row i describes row i of the vectors: image_path or url, caption, …
    text_emb/*.npy       vectors of the captions, if there are any

A library knows pictures by the SHA-256 of their bytes. Metadata of `pixtrieve export` and of
img2dataset has it; other pictures are read, but not encoded. Some of those are encoded all the
same, to find out whether the vectors are those of the library's model.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from retrieval.catalogue.export import COLUMN_NAMES
from retrieval.catalogue.typed import misfits
from retrieval.context import ModelInUse
from retrieval.errors import ModelMismatch
from retrieval.images import PictureInfo
from retrieval.images.places import Place, is_elsewhere, joined, place_in
from retrieval.images.sources import Columns, Flaw, Item, Load, Loaded, Piece, Source
from retrieval.images.sources.reading import picture_bytes
from retrieval.images.sources.rows import TRUSTED, described, item_at, why_refused
from retrieval.images.sources.storage import load_named
from retrieval.indexing.shards import Shard, ShardRow
from retrieval.indexing.shards.adopting import Adopted, adopt_piece
from retrieval.indexing.shards.clip_files import (
    ROWS_AT_ONCE,
    AllVectors,
    Part,
    open_metadata,
    pages,
    parts_of,
    place_of,
    target_column,
    targets,
)
from retrieval.indexing.shards.encoding import EncodeOptions
from retrieval.query.fields import FACTS, NAMES, as_stored
from retrieval.query.spelling import is_address

_COMPARED = 16
_LEAST_COSINE = 0.9
_NEEDED = ("sha256", "size", "mtime", "format", "width", "height")
_NOWHERE = "no path and no address; name the data set that has the picture with --pictures"
_OURS = (*_NEEDED, *COLUMN_NAMES, "folder", "id", "embedding", "columns")
_THREADS = min(os.cpu_count() or 1, 16)


@dataclass(frozen=True, slots=True)
class ClipRetrieval:
    """A folder in clip-retrieval's layout; `sources` are those that have its pictures, if named.

    With `any_address`, its rows may name any address: see `images.sources.Columns`.
    """

    path: str
    model: ModelInUse
    sources: tuple[Source, ...] = ()
    any_address: bool = False

    @property
    def folders(self) -> tuple[str, ...]:
        """No folder was read whole."""
        return ()

    def shards(self) -> Iterator[Shard]:
        """Yield the pictures; raises SourceError, ModelMismatch for vectors of another model."""
        parts = parts_of(self.path)
        for part in parts:
            self._require_fingerprint(part)
        vectors = AllVectors(parts, self.model)
        judge = _Judge(self.path, self.model)
        pieces = self._of_sources(parts) if self.sources else None
        if pieces is not None:
            for piece in pieces:
                yield judge.checked(self._adopt(piece, vectors))
            return
        folder = _common_folder(parts)
        for number, part in enumerate(parts):
            for start, rows in pages(part.metadata):
                target = target_column(part.metadata, rows[0])
                known = [_known_row(row, target, folder) for row in rows]
                sound = tuple(row for row in known if row is not None)
                if len(sound) == len(rows):
                    where = number, slice(start, start + len(rows))
                    again = partial(vectors.texts, *where)
                    yield Shard(sound, *vectors.page(*where), texts_again=again)
                    continue
                entries = (
                    _entry(row, target, folder, place_of(number, start + each), self.any_address)
                    for each, row in enumerate(rows)
                )
                yield judge.checked(self._adopt(Piece(_Listed(tuple(entries))), vectors))

    def _of_sources(self, parts: list[Part]) -> Iterator[Piece]:
        """Yield the pictures of the sources that have a vector, in the order of the sources."""
        places: dict[str, int] = {}
        for number, part in enumerate(parts):
            for start, names in targets(part.metadata, "key"):
                places.update(
                    (str(name), place_of(number, start + each)) for each, name in enumerate(names)
                )
        for source in self.sources:
            for piece in source.pieces(ROWS_AT_ONCE):
                yield Piece(_Matched(piece, places))

    def _adopt(self, piece: Piece, vectors: AllVectors) -> Adopted:
        options = EncodeOptions(threads=_THREADS)
        return adopt_piece(piece, self.model.row.spec, vectors.of, options)

    def _require_fingerprint(self, part: Part) -> None:
        metadata = open_metadata(part.metadata).schema_arrow.metadata or {}
        found = metadata.get(b"fingerprint", b"").decode()
        if found and found != self.model.row.spec.fingerprint:
            raise _other_model(self.path, self.model)


class _Judge:
    """Compares vectors with those that the library's model makes of the same pictures."""

    def __init__(self, path: str, model: ModelInUse) -> None:
        self._path, self._model, self._left = path, model, _COMPARED

    def checked(self, adopted: Adopted) -> Shard:
        """Return the shard; raises ModelMismatch if its vectors are another model's."""
        sample = adopted.sample[: self._left]
        if sample:
            self._left -= len(sample)
            own = self._model.encoder().encode_images(np.stack([pixels for pixels, _ in sample]))
            given = np.stack([vector for _, vector in sample])
            if float(np.median(np.einsum("nd,nd->n", own, given))) < _LEAST_COSINE:
                raise _other_model(self._path, self._model)
        return adopted.shard


@dataclass(frozen=True, slots=True)
class _Listed:
    """Rows of metadata as a source."""

    entries: tuple[tuple[Item, Load] | Flaw, ...]
    name: str = ""

    def identity(self) -> str:
        return ""

    def pieces(self, size: int) -> Iterator[Piece]:
        yield Piece(self)

    def read(self, piece: Piece) -> Iterator[tuple[Item, Load] | Flaw]:
        yield from self.entries


@dataclass(frozen=True, slots=True)
class _Matched:
    """The pictures of a piece that have a vector."""

    piece: Piece
    places: dict[str, int]
    name: str = ""

    def identity(self) -> str:
        return ""

    def pieces(self, size: int) -> Iterator[Piece]:
        yield Piece(self)

    def read(self, piece: Piece) -> Iterator[tuple[Item, Load] | Flaw]:
        for each in self.piece.read():
            if isinstance(each, Flaw):
                yield each
                continue
            item, load = each
            at = next((self.places[key] for key in _keys(item) if key in self.places), None)
            if at is not None:
                yield replace(item, at=at), load


def _keys(item: Item) -> Iterator[str]:
    """Yield what the metadata may call a picture: its path, its name, webdataset's key."""
    name = item.path.rpartition("/")[2]
    yield joined(item.root, item.path)
    yield item.path
    yield os.path.splitext(item.path)[0]
    yield name
    yield name.partition(".")[0]


def _entry(
    row: dict[str, Any], target: str, folder: str, at: int, any_address: bool
) -> tuple[Item, Load] | Flaw:
    """Return a row of metadata as an item that is read from its own place."""
    place = row[target]
    item = _item(place, folder) if isinstance(place, str) else None
    if item is None:
        return Flaw(str(place), "", _NOWHERE)
    choice = Columns(any_address=any_address)
    archive = place_in(place)
    if reason := why_refused(place, "", choice) or _why_far(archive, any_address):
        return Flaw(place, "", reason)
    captions, columns = described(row, choice, {target, *_NEEDED, *FACTS})
    item = replace(item, at=at, captions=captions, columns=columns)
    if archive is None:
        return item, partial(load_named, item, not any_address)
    return item, partial(_load_member, item)


def _why_far(archive: Place | None, any_address: bool) -> str:
    """Return why an archive is not opened: it is read by a client that follows any redirect."""
    far = archive is not None and is_address(archive.archive) and not any_address
    return f"the row names an archive at an address; {TRUSTED}" if far else ""


def _load_member(item: Item) -> Loaded:
    data = picture_bytes(joined(item.root, item.path))
    assert data is not None  # it is in an archive
    return Loaded(data, captions=item.captions, columns=item.columns)


def _known_row(row: dict[str, Any], target: str, folder: str) -> ShardRow | None:
    """Return the picture of a row whose metadata is complete, or None."""
    place, item = row[target], None
    if isinstance(place, str) and all(row.get(name) for name in _NEEDED):
        item = _item(place, folder)
    if item is None:
        return None
    try:
        sha256 = bytes.fromhex(row["sha256"])
        info = PictureInfo(**{name: _fact(name, row[name]) for name in FACTS if name in row})
        size, mtime_ns = int(row["size"]), round(float(row["mtime"]) * 1e9)
    except (ValueError, TypeError, OverflowError):
        return None
    stored = [as_stored(each, getattr(info, each)) for each in FACTS]
    if len(sha256) != 32 or misfits(PictureInfo, FACTS, stored):
        return None
    captions, columns = described(row, Columns(), {target, *_OURS, *FACTS})
    written = row.get("columns")
    if isinstance(written, list):  # as the export writes them
        pairs = (str(line).partition(": ") for line in written)
        columns = (*columns, *((name, value) for name, _, value in pairs if value))
    return ShardRow(item.root, item.path, size, mtime_ns, sha256, info, captions, columns)


def _fact(name: str, value: Any) -> Any:
    """Return a fact as the records have it: tables write unknown numbers as NaN."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if name in NAMES:
        names = value if isinstance(value, list) else str(value or "").split("\n")
        return tuple(str(each) for each in names if each)
    return int(value) if name in ("iso", "rating") and value is not None else value


def _item(place: str, folder: str) -> Item | None:
    inside = place_in(place)
    if inside is not None:
        return Item(inside.archive, inside.member, -1, 0)
    if is_address(place):
        return item_at(place, "", 0)
    if not os.path.isabs(place) or not folder:
        return None
    return Item(folder, os.path.relpath(place, folder).replace(os.sep, "/"), -1, 0)


def _common_folder(parts: list[Part]) -> str:
    """Return the folder that has all plain files of the metadata, "" if there are none."""
    common = ""
    for part in parts:
        for _, places in targets(part.metadata):
            for place in places:
                if isinstance(place, str) and os.path.isabs(place) and not is_elsewhere(place):
                    above = os.path.dirname(os.path.normpath(place))
                    common = os.path.commonpath([common, above]) if common else above
    return common


def _other_model(path: str, model: ModelInUse) -> ModelMismatch:
    return ModelMismatch(
        f"the vectors in {path} are not those of {model.row.spec.name}, the library's model",
        "import them into a library of the model that made them: --library DIR --model NAME",
    )
