"""What Pixtrieve keeps: vectors, caches, maps, thumbnails."""

from __future__ import annotations

import io
import json
import os
from hashlib import blake2b
from pathlib import Path
from random import Random

import numpy as np
from fuzzing.cases import Case, small_library
from fuzzing.mutations import mutated, mutated_json
from support.fakes import FakeEncoder

from retrieval import Library
from retrieval.stores import StoreHeader
from retrieval.stores.backends import store_factory
from retrieval.tagging.corpora import encode_corpus, read_corpus
from retrieval.vectors import from_blobs, normalise, to_blobs
from retrieval.whole_file import sealed, unsealed


def vectors(_: Path) -> Case:
    """Try stored vectors: what is written is read, anything else is an error of its value."""

    def case(random: Random) -> None:
        dim = random.choice((1, 4, 64))
        rows = np.array([random.gauss(0, 1) for _ in range(dim * 3)], np.float32).reshape(3, dim)
        blobs = to_blobs(normalise(rows))
        again = from_blobs(blobs, dim)
        assert to_blobs(again) == blobs
        changed = [mutated(random, blob) for blob in blobs]
        if all(len(blob) == 2 * dim for blob in changed):
            assert from_blobs(changed, dim).shape == (3, dim)

    return case


_HEADER = StoreHeader("model", 8, 7, "stamp", 50, 50)


def store(folder: Path) -> Case:
    """Try the vector cache: with other bytes, and with sound digests around false facts."""
    path, factory = str(folder / "cache.faiss"), store_factory("faiss")
    rows = normalise(np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32))
    factory.build(8, [(np.arange(1, 51), rows)]).save(path, _HEADER)
    whole = Path(path).read_bytes()
    tail = 32  # digest, length, magic
    length = int.from_bytes(whole[-16:-8], "little")
    body, trailer = whole[: -tail - length], json.loads(whole[-tail - length : -tail])

    def case(random: Random) -> None:
        data = mutated(random, whole)
        if random.random() < 0.5:  # facts that nobody wrote, with a digest that fits them
            facts = json.dumps(mutated_json(random, trailer)).encode("utf-8", "surrogatepass")
            size = len(facts).to_bytes(8, "little")
            data = body + facts + blake2b(facts, digest_size=16).digest() + size + whole[-8:]
        with open(path, "wb") as file:
            file.write(data)
        found = factory.load(path)
        if found is not None:
            assert data == whole or found[1] != _HEADER or data[: len(body)] == body
            found[0].search(rows[:1], 5)

    return case


def drawn_map(folder: Path) -> Case:
    """Try the file of the map: with other bytes, and as a sound archive of false arrays."""
    library = small_library(folder)
    name = next(n for n in os.listdir(os.path.join(library, "cache")) if n.endswith("map.npz"))
    path = os.path.join(library, "cache", name)
    whole = Path(path).read_bytes()
    content = unsealed(whole)
    assert content is not None
    with np.load(io.BytesIO(content)) as archive:
        arrays = {key: archive[key] for key in archive.files}
    opened = Library.open(library)

    def false_arrays(random: Random) -> bytes:
        changed = dict(arrays)
        key = random.choice(sorted(changed))
        if key == "facts":
            facts = mutated_json(random, json.loads(str(changed[key])))
            changed[key] = np.array(json.dumps(facts))
        else:
            array = changed[key]
            changed[key] = random.choice(
                (array[:-1], array[None], array.astype(float) * np.nan, array.astype(str),
                 array.astype(np.int8), np.zeros(0), np.concatenate([array, array]), array[::-1])
            )  # fmt: skip
        file = io.BytesIO()
        np.savez(file, **changed)
        return file.getvalue()

    def case(random: Random) -> None:
        ways = (lambda: mutated(random, whole), lambda: sealed(mutated(random, content)),
                lambda: sealed(false_arrays(random)))  # fmt: skip
        data = random.choice(ways)()
        with open(path, "wb") as file:
            file.write(data)
        found = opened.map.current()
        if found is not None:
            n = len(found.ids)
            assert found.positions.shape == (n, 2)
            assert found.region.shape[:1] == (n,)
            assert np.isfinite(found.positions).all()
        if random.random() < 0.02:
            opened.map.update()

    return case


def thumbnails(folder: Path) -> Case:
    """Try cached thumbnails: what is sent is what was made."""
    from retrieval.server.picture_files import thumbnail

    library = Library.open(small_library(folder))
    image = next(iter(library.images()))[0]
    kept = str(folder / "thumbnails")
    whole = thumbnail(image, 64, kept)
    (path,) = (p for p in Path(kept).rglob("*") if p.is_file())
    written = path.read_bytes()

    def case(random: Random) -> None:
        path.write_bytes(mutated(random, written))
        assert thumbnail(image, 64, kept) == whole

    return case


def corpora(folder: Path) -> Case:
    """Try cached vectors of corpora: what is used is what the model gives."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "user-cache")
    encoder = FakeEncoder()
    (folder / "corpus.txt").write_text("red\nblue\ngreen red\n", "utf-8")
    corpus = read_corpus(str(folder / "corpus.txt"))
    right = encode_corpus(corpus, encoder)
    (path,) = (folder / "user-cache/pixtrieve/corpora").iterdir()
    whole = path.read_bytes()

    def case(random: Random) -> None:
        path.write_bytes(mutated(random, whole))
        np.testing.assert_array_equal(encode_corpus(corpus, encoder), right)

    return case
