"""Shards that are merged make the library that indexing makes: ids, vectors, order, texts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.data_sets import contents_of, encode, merge, png
from support.fakes import FakeEncoder

from retrieval import Library

_COLOURS = st.sampled_from([(255, 0, 0), (0, 200, 0), (0, 0, 255), (9, 99, 199), (250, 250, 2)])
_NAMES = st.sampled_from(["a", "b.c", "b", "ü", "2023-05-01", "red car"])
_FOLDERS = st.sampled_from(["", "x/", "x/y/", "x.d/", "z/"])


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    """Return small trees: pictures, copies of them, sidecars, and files that are no pictures."""
    files: dict[str, bytes] = {}
    for _ in range(draw(st.integers(1, 8))):
        name = draw(_FOLDERS) + draw(_NAMES)
        kind = draw(st.sampled_from(["picture", "picture", "picture", "bad", "psd", "no name"]))
        data = png(draw(_COLOURS))
        ending = {"picture": ".png", "bad": ".jpg", "psd": ".psd", "no name": ""}[kind]
        files[name + ending] = b"no picture" if kind == "bad" else data
        if draw(st.booleans()):
            files[f"{name}.txt"] = draw(st.sampled_from([b"a red thing", b"blue\ngreen", b""]))
    return files


def _write(root: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = root / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (1_600_000_000, 1_600_000_000))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=trees(), size=st.integers(1, 5))
def test_shards_of_a_folder_make_the_library_that_indexing_makes(
    files: dict[str, bytes], size: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _write(place / "p", files)
        (place / "p").mkdir(exist_ok=True)
        with Library.create(place / "one", FakeEncoder()) as one:
            one.add(place / "p")
            wanted = contents_of(one)
        encode(FakeEncoder(), place / "out", place / "p", size=size)
        encoder = FakeEncoder()
        with Library.create(place / "two", encoder) as two:
            merge(two, place / "out")
            assert contents_of(two) == wanted
            assert encoder.images_encoded == 0
            merge(two, place / "out")  # once more changes nothing
            assert contents_of(two) == wanted
            before = two.add(place / "p").tally  # and indexing finds nothing to do
            assert (before.encoded, before.removed) == (0, 0)
            assert contents_of(two) == wanted


def test_a_shard_that_is_there_is_not_encoded_again(
    tmp_path: Path, pictures: Path, encoder: FakeEncoder
) -> None:
    first = encode(encoder, tmp_path / "out", pictures, size=1)
    assert (first.written, first.skipped, first.pictures) == (4, 0, 4)
    victim = sorted((tmp_path / "out/shards").iterdir())[1]
    victim.unlink()
    encoder.images_encoded = 0
    again = encode(encoder, tmp_path / "out", pictures, size=1)
    assert (again.written, again.skipped, again.pictures) == (1, 3, 4)
    assert encoder.images_encoded == 1


@pytest.mark.parametrize("kind", ["img_emb", "metadata", "shards"])
def test_a_damaged_shard_is_named(
    tmp_path: Path, pictures: Path, encoder: FakeEncoder, library: Library, kind: str
) -> None:
    from retrieval.errors import SourceError

    encode(encoder, tmp_path / "out", pictures)
    victim = sorted((tmp_path / "out" / kind).iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:40])
    with pytest.raises(SourceError) as failed:
        merge(library, tmp_path / "out")
    assert victim.name in failed.value.message
