"""Shards that are merged make the library that indexing makes: ids, vectors, order, texts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.data_sets import contents_of, encode, merge, png, tar
from support.fakes import FakeEncoder

from retrieval import Library
from retrieval.errors import SourceError
from retrieval.images.sources import Item, pieces_of
from retrieval.images.sources.folders import FolderSource

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


def test_shards_stay_when_a_source_before_them_grows(tmp_path: Path, encoder: FakeEncoder) -> None:
    members = {f"{name}.png": png((90, 20, 9 * n)) for n, name in enumerate("abcdefg")}
    grows, stays = tmp_path / "grows", tar(tmp_path / "stays.tar", members)
    grows.mkdir()
    (grows / "a.png").write_bytes(png((1, 2, 3)))
    first = encode(encoder, tmp_path / "out", grows, stays)
    assert (first.written, first.skipped) == (2, 0)
    for n in range(4):
        (grows / f"b{n}.png").write_bytes(png((4 * n, 5, 6)))
    encoder.images_encoded = 0
    again = encode(encoder, tmp_path / "out", grows, stays, stays)  # one is named twice
    assert (again.written, again.skipped, again.pictures) == (2, 1, 12)
    assert encoder.images_encoded == 5
    encode(FakeEncoder(), tmp_path / "fresh", grows, stays)
    with (
        Library.create(tmp_path / "one", FakeEncoder()) as one,
        Library.create(tmp_path / "two", FakeEncoder()) as two,
    ):
        merge(one, tmp_path / "out")
        merge(two, tmp_path / "fresh")
        assert contents_of(one) == contents_of(two)
    assert len(list((tmp_path / "out/shards").iterdir())) == 3


@pytest.mark.parametrize("kind", ["folder", "list"])
def test_a_picture_that_comes_or_goes_leaves_the_shards_after_it(
    tmp_path: Path, encoder: FakeEncoder, kind: str
) -> None:
    folder, listed = tmp_path / "p", tmp_path / "list.txt"
    folder.mkdir()
    for n in range(120):
        (folder / f"{n:03d}.png").write_bytes(png((n, 2 * n, 9)))

    def run() -> tuple[int, int]:
        names = sorted(str(path) for path in folder.iterdir())
        listed.write_text("\n".join(names))
        encoder.images_encoded = 0
        source = folder if kind == "folder" else listed
        done = encode(encoder, tmp_path / "out", source, size=16)
        assert done.pictures == len(names)
        return done.written, done.skipped

    shards, _ = run()
    assert 120 / 16 <= shards <= 120 / 8
    (folder / "005a.png").write_bytes(png((1, 2, 3)))
    written, skipped = run()
    assert written <= 2
    assert skipped >= shards - 2
    assert encoder.images_encoded <= 32
    (folder / "003.png").unlink()
    assert run()[0] <= 2


@given(st.lists(st.text(max_size=4)), st.integers(1, 40))
def test_pieces_have_all_items_in_order_and_no_more_than_their_size(
    names: list[str], size: int
) -> None:
    items = [Item("root", name, -1, 0) for name in names]
    source = FolderSource("root")
    for by_names in (False, True):
        pieces = list(pieces_of(source, items, size, by_names=by_names))
        assert [item for piece in pieces for item in piece.items] == items
        assert all(0 < len(piece.items) <= size for piece in pieces)
        least = size // 2 if by_names and size >= 16 else size
        assert all(len(piece.items) >= least for piece in pieces[:-1])


def test_no_record_stands_beside_the_files_of_another_attempt(
    tmp_path: Path, pictures: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retrieval.indexing.shards import files

    encode(encoder, tmp_path / "out", pictures)
    folder = str(tmp_path / "out")
    name = sorted(files.shards_by_digest(folder).values())[0]
    shard = files.read_shard(folder, name, encoder.spec.dim)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "write_rows", killed)
    with pytest.raises(KeyboardInterrupt):
        files.write_shard(folder, name, shard)
    assert files.record_of(folder, name) is None


def test_a_folder_is_not_complete_while_a_shard_is_made_again(
    tmp_path: Path, pictures: Path, encoder: FakeEncoder, library: Library
) -> None:
    encode(encoder, tmp_path / "out", pictures, size=1)
    (pictures / "red.png").write_bytes(png((7, 7, 7)))
    (pictures / "blue.png").write_bytes(b"")

    class Stops(FakeEncoder):
        def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            if self.images_encoded:
                raise KeyboardInterrupt
            return super().encode_images(pixels)

    (pictures / "green.png").write_bytes(png((7, 8, 7)))
    with pytest.raises(KeyboardInterrupt):
        encode(Stops(), tmp_path / "out", pictures, size=1)
    with pytest.raises(SourceError, match="not complete"):
        merge(library, tmp_path / "out")


def test_another_model_takes_over_archives_by_encoding_and_importing_again(
    tmp_path: Path, encoder: FakeEncoder, library: Library
) -> None:
    archive = tar(tmp_path / "a.tar", {"red.png": png("red"), "blue.png": png("blue")})
    encode(encoder, tmp_path / "out", archive)
    merge(library, tmp_path / "out")
    other = FakeEncoder("other")
    for _ in library.use_model(other, anyway=True):
        pass
    encode(FakeEncoder("other"), tmp_path / "new", archive)
    merge(library, tmp_path / "new")
    assert library.search("red")[0].path == f"{archive}/red.png"
    assert library.status().counts.files == 2


def test_importing_names_the_sources_that_were_left_out(
    tmp_path: Path, pictures: Path, encoder: FakeEncoder, library: Library
) -> None:
    (tmp_path / "bad.zip").write_bytes(b"no zip file")
    encode(encoder, tmp_path / "out", pictures, tmp_path / "bad.zip")
    (problem,) = merge(library, tmp_path / "out").problems
    assert problem.path == str(tmp_path / "bad.zip")
    assert "left out" in problem.reason
    assert library.status().counts.images == 4


@pytest.mark.parametrize("kind", ["img_emb", "metadata", "shards"])
def test_a_damaged_shard_is_named(
    tmp_path: Path, pictures: Path, encoder: FakeEncoder, library: Library, kind: str
) -> None:
    encode(encoder, tmp_path / "out", pictures)
    victim = sorted((tmp_path / "out" / kind).iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:40])
    with pytest.raises(SourceError) as failed:
        merge(library, tmp_path / "out")
    assert victim.name in failed.value.message
