"""Embeddings in clip-retrieval's layout: out, in again, and in from elsewhere."""

from __future__ import annotations

import gc
import hashlib
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.data_sets import (
    KEYED_CAPTIONS,
    KEYED_COLOURS,
    contents_of,
    foreign,
    merge,
    png,
    tar,
)
from support.fakes import FakeEncoder

from retrieval import Library
from retrieval.catalogue import export_layout
from retrieval.errors import ModelMismatch, SourceError
from retrieval.indexing.shards import clip_files
from retrieval.indexing.shards.data_sets import open_data_set
from retrieval.indexing.shards.known_texts import KnownTexts

Imported = Callable[..., Library]


def test_out_and_in_again(
    tmp_path: Path, library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pictures / "red.txt").write_text("a red wall\nof bricks")
    (pictures / "copy.png").write_bytes((pictures / "red.png").read_bytes())
    library.add(pictures)
    monkeypatch.setattr(export_layout, "ROWS_PER_FILE", 2)
    assert library.export_layout(tmp_path / "all") == 5
    for path in pictures.rglob("*.png"):
        path.unlink()  # nothing is read
    encoder = FakeEncoder()
    with Library.create(tmp_path / "other", encoder) as other:
        last = merge(other, tmp_path / "all")
        assert (last.tally.encoded, encoder.images_encoded) == (4, 0)
        before, after = contents_of(library), contents_of(other)
        for row, new in zip(before["vectors"], after["vectors"], strict=True):
            assert row == new
        assert {row[2] for row in before["files"]} == {row[2] for row in after["files"]}
        assert [hit.path for hit in other.search('text:"wall of bricks"')] == [
            hit.path for hit in library.search('text:"wall of bricks"')
        ]
        assert {row[1] for row in after["texts"]} == {"name", "caption"}
        assert [row[1:-4] for row in before["images"]] == [row[1:-4] for row in after["images"]]


def test_from_clip_retrieval_by_paths(tmp_path: Path, library: Library) -> None:
    rows: list[dict[str, object]] = []
    for key, colour in KEYED_COLOURS.items():
        path = tmp_path / f"p/{key[-1]}/{key}.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(png(colour))
        rows.append({"image_path": str(path), "caption": KEYED_CAPTIONS[key], "similarity": 0.5})
    merge(library, foreign(tmp_path / "clip", rows))
    assert library.search("red")[0].path == str(tmp_path / "p/1/0001.png")
    assert library.status().counts.images == 3
    (root,) = library.status().roots
    assert root.path == str(tmp_path / "p")
    library.add()  # the files are indexed like any others
    assert library.status().counts.images == 3
    assert library.search("red")[0].sha256 == hashlib.sha256(png(KEYED_COLOURS["0001"])).hexdigest()


def test_from_clip_retrieval_by_keys_of_a_webdataset(
    tmp_path: Path, library: Library, encoder: FakeEncoder
) -> None:
    archive = tar(
        tmp_path / "0.tar", {f"{key}.png": png(rgb) for key, rgb in KEYED_COLOURS.items()}
    )
    rows: list[dict[str, object]] = [
        {"image_path": key, "caption": KEYED_CAPTIONS[key]} for key in sorted(KEYED_COLOURS)
    ]
    place = foreign(tmp_path / "clip", rows)
    assert len(merge(library, place).problems) == 3  # keys alone are no places
    last = merge(library, place, archive)
    assert last.tally.encoded == 3
    assert library.search("blue")[0].path == f"{archive}/0003.png"


def test_vectors_of_another_model_are_refused(tmp_path: Path, library: Library) -> None:
    archive = tar(
        tmp_path / "0.tar", {f"{key}.png": png(rgb) for key, rgb in KEYED_COLOURS.items()}
    )
    place = foreign(tmp_path / "clip", [{"image_path": key} for key in sorted(KEYED_COLOURS)], -1.0)
    with pytest.raises(ModelMismatch, match="not those of"):
        merge(library, place, archive)
    assert library.status().counts.images == 0


def test_files_that_do_not_belong_together(tmp_path: Path, library: Library) -> None:
    place = foreign(tmp_path / "clip", [{"image_path": key} for key in sorted(KEYED_COLOURS)])
    np.save(place / "img_emb/img_emb_1.npy", np.zeros((5, 4), np.float32))
    with pytest.raises(SourceError, match=r"img_emb_1\.npy"):
        merge(library, place)
    (place / "img_emb/img_emb_1.npy").unlink()
    with pytest.raises(SourceError, match="1 files of vectors"):
        merge(library, place)
    with pytest.raises(SourceError, match="no encoded pictures"):
        merge(library, tmp_path)


@pytest.mark.parametrize("known", [True, False])
def test_vectors_of_texts_do_not_stay_in_memory(
    tmp_path: Path, library: Library, pictures: Path, known: bool
) -> None:
    (pictures / "red.txt").write_text("a red wall")
    library.add(pictures)
    library.export_layout(tmp_path / "all")
    if not known:
        rows: list[dict[str, object]] = [
            {"image_path": str(pictures / name), "caption": "a wall"}
            for name in ("red.png", "green.png", "deep/blue.png")
        ]
        foreign(tmp_path / "clip", rows)
    place = str(tmp_path / ("all" if known else "clip"))
    texts, held = KnownTexts(), []
    for shard in open_data_set(place, library._session.model).shards():
        texts.add(shard)
        held.append(weakref.ref(shard.text_embeddings))
        again = shard.texts_again
        assert again is not None
        assert np.array_equal(again(), shard.text_embeddings)
        wanted = next(row.description() for row in shard.rows if row.description())
        del shard
    gc.collect()
    assert texts.vector(wanted) is not None
    assert [each() for each in held] == [None] * len(held)


def test_metadata_is_decoded_once(
    tmp_path: Path, library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(pictures)
    library.export_layout(tmp_path / "all")
    decoded: list[object] = []
    real = clip_files.open_metadata

    class Counted:
        def __init__(self, path: str) -> None:
            self._file = real(path)

        def __getattr__(self, name: str) -> object:
            return getattr(self._file, name)

        def iter_batches(self, size: int, columns: list[str] | None = None) -> object:
            decoded.append(columns)
            return self._file.iter_batches(size, columns=columns)

    monkeypatch.setattr(clip_files, "open_metadata", Counted)
    assert sum(
        len(shard.rows)
        for shard in open_data_set(str(tmp_path / "all"), library._session.model).shards()
    ) == 4  # fmt: skip
    assert decoded == [["image_path"], None]
