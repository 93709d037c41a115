"""Encodes one piece of a data set: the same code in this process and on every node of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders import Encoder
from retrieval.errors import PictureError
from retrieval.images import Picture, PictureInfo, Problem, ReadLimits, reasons
from retrieval.images.formats import is_video_name
from retrieval.images.isolation.pictures import (
    read_picture,
    read_picture_bytes,
    thumbnail,
    thumbnail_of,
)
from retrieval.images.reasons import TransientError
from retrieval.images.sources import Beside, Columns, Flaw, Item, Load, Loaded, Piece
from retrieval.images.sources.rows import about_of
from retrieval.indexing.encoding import encode_numbered
from retrieval.indexing.read_ahead import read_ahead
from retrieval.indexing.shards import Shard, ShardProblem, ShardRow, SidecarText
from retrieval.specs import ModelSpec
from retrieval.texts.collect import description_vectors
from retrieval.texts.sidecars import read_sidecar, sidecar_of
from retrieval.vectors import STORED

_NO_VECTOR = "the model could not encode it"
_VIDEO = "videos in data sets are left out; index them from a folder"
THUMBNAIL_SIDE = 512
_TEXTS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """How pieces are encoded.

    `batch_size` is in pictures; None uses the model's. `threads` read and decode. `limits` bound
    what one picture may cost. A shard has up to `shard_size` pictures: a killed worker repeats at
    most one, but an archive may be a larger one. With `thumbnails`, each picture's is kept, for
    pages that show pictures whose source is slow or gone. `columns` are those that the user named.
    """

    batch_size: int | None = None
    threads: int = 1
    limits: ReadLimits = field(default_factory=ReadLimits)
    shard_size: int = 4096
    thumbnails: bool = False
    columns: Columns = field(default_factory=Columns)


class StoppedError(Exception):
    """The user stopped the encoding of a piece; nothing of it is kept."""


def encode_piece(
    piece: Piece,
    encoder: Encoder,
    options: EncodeOptions,
    on_pictures: Callable[[int], None] = lambda _: None,
) -> Shard:
    """Read and encode a piece, in order. No picture raises; it becomes a problem of the shard.

    `on_pictures` is called now and then with how many more were handled; it may raise
    StoppedError. Raises SourceError if the source cannot be read at all, ModelError if the model
    cannot encode.
    """
    return _PieceEncoder(piece, encoder, options).run(on_pictures)


@dataclass(frozen=True, slots=True)
class Read:
    """What a thread found for an item."""

    loaded: Loaded
    result: Picture | Problem
    thumbnail: bytes = b""


class PieceReader:
    """Reads one piece, in order; a subclass gives its contents their vectors."""

    def __init__(
        self, piece: Piece, spec: ModelSpec, options: EncodeOptions, batch_size: int
    ) -> None:
        self._piece, self._spec, self._options = piece, spec, options
        self._batch_size = batch_size
        self._infos: dict[bytes, PictureInfo] = {}  # of contents that are, or will be, encoded
        self._vectors: dict[bytes, NDArray[np.float32]] = {}
        self._waiting: dict[bytes, NDArray[np.uint8]] = {}
        self._found: list[tuple[Item, Read, bytes]] = []
        self._problems: list[ShardProblem] = []

    def run(self, on_pictures: Callable[[int], None]) -> Shard:
        """Read all of the piece; return its shard."""
        results = read_ahead(
            self._read,
            self._items(),
            threads=self._options.threads,
            depth=lambda: self._batch_size + self._options.threads,
        )
        with closing(results):
            for (item, _), read in results:
                self._take(item, read)
                on_pictures(1)
                if len(self._waiting) >= self._batch_size:
                    self._encode()
        self._encode()
        return self._shard()

    def _items(self) -> Iterator[tuple[Item, Load]]:
        for each in self._piece.read():
            if isinstance(each, Flaw):
                self._problems.append(ShardProblem(each.root, each.path, 0, 0, each.reason, "flaw"))
            else:
                yield each

    def _read(self, task: tuple[Item, Load]) -> Read:
        item, load = task
        try:
            loaded = load()
        except TransientError as error:
            return Read(Loaded(b""), Problem(error.message, "transient"))
        except PictureError as error:
            return Read(
                Loaded(b""), Problem(error.message, "bad", max(item.size, 0), item.mtime_ns)
            )
        if item.unsupported or is_video_name(item.path):
            return Read(loaded, Problem(item.unsupported or _VIDEO))
        how = self._spec.preprocessing, self._options.limits, self._is_new
        picture = loaded.picture
        if isinstance(picture, str):
            result = read_picture(picture, *how)
        elif picture:
            result = read_picture_bytes(picture, item.mtime_ns, *how)
        else:
            result = Problem(reasons.EMPTY, "bad", 0, item.mtime_ns)
        if isinstance(result, Picture) and result.parts:  # its name did not tell
            result = Problem(_VIDEO)
        kept = isinstance(result, Picture) and self._options.thumbnails
        return Read(loaded, result, _thumbnail(picture) if kept else b"")

    def _is_new(self, sha256: bytes) -> bool:
        return sha256 not in self._infos

    def _take(self, item: Item, read: Read) -> None:
        result = read.result
        if isinstance(result, Problem):
            self._problems.append(_problem(item, result))
            return
        if result.sha256 not in self._infos:
            assert result.info is not None
            assert result.pixels is not None
            self._infos[result.sha256] = result.info
            self._waiting[result.sha256] = result.pixels
        # The picture's bytes are not kept until the end.
        loaded = Loaded(
            b"", read.loaded.sidecars, read.loaded.about, read.loaded.captions, read.loaded.columns
        )
        light = Picture(result.sha256, result.size, result.mtime_ns, None, None)
        self._found.append((item, Read(loaded, light, read.thumbnail), result.sha256))

    def _encode(self) -> None:
        """Give the contents that wait their vectors."""
        raise NotImplementedError

    def _texts(self, rows: list[ShardRow]) -> NDArray[np.float16]:
        """Return the (n, dim) vectors of the descriptions, zero where there is none."""
        raise NotImplementedError

    def _shard(self) -> Shard:
        rows: list[ShardRow] = []
        for item, read, sha256 in self._found:
            assert isinstance(read.result, Picture)
            if sha256 not in self._vectors:
                problem = Problem(_NO_VECTOR, "bad", read.result.size, read.result.mtime_ns)
                self._problems.append(_problem(item, problem))
                continue
            rows.append(self._row(item, read, read.result))
        dim = self._spec.dim
        vectors = np.zeros((len(rows), dim), STORED)
        for at, row in enumerate(rows):
            vectors[at] = self._vectors[row.sha256]
        return Shard(tuple(rows), vectors, self._texts(rows), tuple(self._problems))

    def _row(self, item: Item, read: Read, picture: Picture) -> ShardRow:
        loaded = read.loaded
        captions, columns = about_of(loaded.about, self._options.columns)
        sidecars = (
            _sidecar(beside, data)
            for beside, data in zip(item.sidecars, loaded.sidecars, strict=False)
        )
        return ShardRow(
            item.root,
            item.path,
            picture.size,
            picture.mtime_ns,
            picture.sha256,
            self._infos[picture.sha256],
            tuple(dict.fromkeys((*loaded.captions, *captions))),
            (*loaded.columns, *columns),
            tuple(each for each in sidecars if each is not None),
            read.thumbnail,
        )


class _PieceEncoder(PieceReader):
    """Encodes what it reads; equal contents are encoded once."""

    def __init__(self, piece: Piece, encoder: Encoder, options: EncodeOptions) -> None:
        batch_size = options.batch_size or encoder.batch_size
        super().__init__(piece, encoder.spec, options, batch_size)
        self._encoder = encoder

    def _encode(self) -> None:
        if not self._waiting:
            return
        contents = list(self._waiting)
        for number, vector in encode_numbered(self._encoder, list(self._waiting.values())):
            self._vectors[contents[number]] = vector
        self._waiting.clear()

    def _texts(self, rows: list[ShardRow]) -> NDArray[np.float16]:
        """Return the (n, dim) vectors of the descriptions, zero where there is none."""
        found = np.zeros((len(rows), self._spec.dim), STORED)
        described = [(at, text) for at, row in enumerate(rows) if (text := row.description())]
        for start in range(0, len(described), _TEXTS_AT_ONCE):
            page = described[start : start + _TEXTS_AT_ONCE]
            found[[at for at, _ in page]] = description_vectors(
                self._encoder, [text for _, text in page]
            )
        return found


def _problem(item: Item, problem: Problem) -> ShardProblem:
    read = problem.size >= 0
    return ShardProblem(
        item.root,
        item.path,
        problem.size if read else max(item.size, 0),
        problem.mtime_ns if read else item.mtime_ns,
        problem.reason,
        "unsupported" if item.unsupported else problem.kind,
        problem.megapixels,
    )


def _sidecar(beside: Beside, data: bytes | str) -> SidecarText | None:
    read = read_sidecar(data) if isinstance(data, str) else sidecar_of(beside.path, data)
    return None if read is None else SidecarText(beside.path, beside.size, beside.mtime_ns, *read)


def _thumbnail(picture: bytes | str) -> bytes:
    try:
        if isinstance(picture, str):
            return thumbnail(picture, THUMBNAIL_SIDE)
        return thumbnail_of(picture, THUMBNAIL_SIDE).data
    except PictureError:
        return b""
