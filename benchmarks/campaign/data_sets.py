"""A data set that was encoded beside the library, and importing it."""

from __future__ import annotations

import io
import tarfile

from campaign.place import Place
from PIL import Image
from support.fakes import FakeEncoder

from retrieval.images.sources.naming import sources_of
from retrieval.indexing.shards.encoding import EncodeOptions
from retrieval.indexing.shards.engines import LocalEngine
from retrieval.indexing.shards.running import encode_sources

_TARS, _PICTURES = 3, 8


def encode_more(place: Place) -> None:
    """Write some tars with pictures, captions and a picture that is none; encode them."""
    for number in range(_TARS):
        with tarfile.open(place.folder / f"{number}.tar", "w") as archive:
            for n in range(_PICTURES):
                _add(archive, f"{n}.png", _png((30 * n, 80 * number, 99)))
                _add(archive, f"{n}.txt", f"picture {n} of archive {number}".encode())
            _add(archive, "bad.png", b"no picture")
    encoder = FakeEncoder()
    sources = sources_of([str(place.folder / "{0..2}.tar")])
    options = EncodeOptions(thumbnails=True)
    encode_sources(sources, _shards(place), encoder.spec, LocalEngine(encoder), options)


def take_over(place: Place) -> None:
    """Import them, as `pixtrieve import` does."""
    with place.open() as library:
        for _ in library.iter_import(_shards(place)):
            pass


def _shards(place: Place) -> str:
    return str(place.folder / "out")


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), 1_600_000_000
    archive.addfile(info, io.BytesIO(data))


def _png(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (24, 16), colour).save(out, "PNG")
    return out.getvalue()
