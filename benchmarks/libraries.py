"""Libraries of any size without pictures: vectors are written directly to each program's index."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator

import numpy as np
from bench import made_once, note
from peers import Rclip

from retrieval import Library, ModelSpec
from retrieval.catalogue import first_tables, schema
from retrieval.catalogue.contents import Batch, FileRecord
from retrieval.catalogue.image_rows import ImageRecord
from retrieval.folder.opening import create_catalogue
from retrieval.images import PictureInfo
from retrieval.vectors import normalise

_BATCH = 10_000
_A_FOLDER = 1000
_NOTED_EVERY = 100_000


def tables_mark() -> str:
    """Return a digest of the catalogue's tables, which names libraries of this version."""
    digest = hashlib.sha256()
    for path in (first_tables.__file__, schema.__file__):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()[:8]


def same_facts(_number: int) -> PictureInfo:
    """Return the facts that all pictures of these libraries have, unless others are wanted."""
    return PictureInfo(format="JPEG", width=4000, height=3000, taken="2023-05-01T12:30:00")


def library_of(
    cache: str,
    spec: ModelSpec,
    count: int,
    facts: Callable[[int], PictureInfo] = same_facts,
    mark: str = "",
) -> str:
    """Return the folder of a library of `count` pictures, with its vector cache.

    `facts` gives those of each picture; libraries with others need a `mark` in their name.
    """
    name = f"{spec.fingerprint[:16]}-{tables_mark()}-{count}{mark}"
    target = os.path.join(cache, "libraries", name)

    def make(folder: str) -> None:
        catalogue, model = create_catalogue(folder, spec)
        with catalogue.writing():
            root = catalogue.roots.add(os.path.join(target, "pictures"), whole=True)
        for batch in _batches(spec, count, facts):
            catalogue.contents.record(root, model.id, batch)
        catalogue.close()
        with Library.open(folder) as library:
            library.search(next(_batches(spec, 1, facts)).images[0].embedding)  # writes the cache

    return made_once(target, make)


def rclip_library_of(cache: str, rclip: Rclip, count: int) -> tuple[str, str]:
    """Return rclip's data folder with an index of `count` pictures, and the pictures' folder."""
    target = os.path.join(cache, "libraries", f"rclip-{count}")
    pictures = os.path.join(target, "pictures")

    def make(folder: str) -> None:
        rclip.new_data(folder)
        paths = (os.path.join(pictures, _path(number)) for number in range(count))
        rclip.fill(folder, ((1e9, 3_000_000 + number, path) for number, path in enumerate(paths)))
        os.mkdir(os.path.join(folder, "pictures"))

    return made_once(target, make), pictures


def _path(number: int) -> str:
    return f"{number // _A_FOLDER:04}/IMG_{number:07}.jpg"


def digest_of(number: int) -> bytes:
    """Return the SHA-256 that a picture of these libraries has."""
    return hashlib.sha256(number.to_bytes(8, "big")).digest()


def _batches(spec: ModelSpec, count: int, facts: Callable[[int], PictureInfo]) -> Iterator[Batch]:
    random = np.random.default_rng(0)
    for start in range(0, count, _BATCH):
        numbers = range(start, min(start + _BATCH, count))
        rows = normalise(random.standard_normal((len(numbers), spec.dim), np.float32))
        digests = [digest_of(number) for number in numbers]
        images = [
            ImageRecord(digest, facts(number), row)
            for number, digest, row in zip(numbers, digests, rows, strict=True)
        ]
        files = [
            FileRecord(_path(number), 3_000_000 + number, 10**18 + number, digest)
            for number, digest in zip(numbers, digests, strict=True)
        ]
        yield Batch(images, files)
        if start and start % _NOTED_EVERY == 0:
            note(f"{start:,} of {count:,} pictures")
